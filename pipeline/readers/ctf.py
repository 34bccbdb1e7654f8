"""CTF: a folder ``.ds``; its own bad channels, bad segments and markers are read with it."""

import re
from pathlib import Path

import mne

from pipeline.errors import InvalidInput
from pipeline.readers._reader import Reader


def open_raw(path: Path) -> mne.io.BaseRaw:
    """Open a recording without loading its data; all its ``.meg4`` parts together.

    Raises
    ------
    InvalidInput
        A file or part is missing, the files are not named as the folder, or a list of bad channels
        or segments cannot be used.
    """
    _check_files(path)
    try:
        return mne.io.read_raw_ctf(path)
    except RuntimeError as error:
        if list(path.glob("*.hc")):
            raise
        raise InvalidInput(
            "the CTF folder lacks its .hc file, so that the head's place in the helmet is not known",
            file=path,
            hint="copy the whole folder again from the original",
        ) from error
    except KeyError as error:
        if (path / "BadChannels").exists():
            raise _unusable(path / "BadChannels", "names a channel that is not there") from error
        raise
    except (IndexError, ValueError) as error:
        listed = path / "bad.segments"
        if listed.exists() and any(len(line.split()) < 3 for line in _lines(listed)):
            raise _unusable(listed, "has a line without trial, start and end") from error
        raise


def _check_files(path: Path) -> None:
    stem = path.name[: -len(path.suffix)]
    for ending in (".res4", ".meg4"):
        if not list(path.glob(f"*{ending}")):
            raise InvalidInput(
                f"the CTF folder lacks its {ending} file",
                file=path,
                hint="copy the whole folder again from the original",
            )
    if not (path / f"{stem}.res4").exists():
        raise InvalidInput(
            "the files in the CTF folder are not named as the folder is",
            file=path,
            hint="rename them alike, or copy the recording into BIDS with mne-bids",
        )
    # mne stops at the first number that is missing, without a word.
    numbers = sorted(
        int(found[1])
        for file in path.glob("*_meg4")
        if (found := re.search(r"\.(\d+)_meg4$", file.name))
    )
    if numbers != list(range(1, len(numbers) + 1)):
        raise InvalidInput(
            "a part of the split recording is missing (.meg4)",
            file=path,
            hint="restore the missing part",
        )


def _lines(file: Path) -> list[str]:
    return file.read_text(errors="replace").splitlines()


def _unusable(file: Path, what: str) -> InvalidInput:
    return InvalidInput(f"the list {what}", file=file, hint="correct the list or remove it")


READER = Reader((".ds",), "CTF .ds", open_raw)
