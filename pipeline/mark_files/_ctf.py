"""What CTF's files of markers and of classes share."""

import re
from dataclasses import dataclass
from pathlib import Path

import mne
from mne.io.ctf.res4 import _read_res4

from pipeline.errors import InvalidInput
from pipeline.mark_files._format import of_another_recording

_LISTS = ("MarkerFile.mrk", "ClassFile.cls")


@dataclass(frozen=True)
class Trials:
    """How a CTF recording is cut into trials.

    Attributes
    ----------
    folder : Path
        The recording.
    n : int
    length_s, zero_s : float
        Of a trial, and where its time zero lies in it.
    """

    folder: Path
    n: int
    length_s: float
    zero_s: float


def trials_of(raw: mne.io.BaseRaw, path: Path) -> Trials:
    """The trials of a CTF recording; `InvalidInput` for a recording of another maker."""
    inside = Path(raw.filenames[0]) if raw.filenames and raw.filenames[0] else None
    folder = (
        None if inside is None else next((p for p in inside.parents if p.suffix == ".ds"), None)
    )
    if folder is None:
        raise of_another_recording("they are CTF's, and the recording is no CTF folder", path)
    header = _read_res4(folder)
    return Trials(
        folder=folder,
        n=int(header["no_trials"]),
        length_s=header["nsamp"] / header["sfreq"],
        zero_s=header["pre_trig_pts"] / header["sfreq"],
    )


def entries(file: Path, many: str, rows: str) -> list[tuple[str, list[list[str]]]]:
    """Name and rows of each marker (`many` MARKERS, `rows` SAMPLES) or class (CLASSES, TRIALS)."""
    if not file.exists():
        raise InvalidInput(
            "the CTF folder has no such list", file=file, hint="give the file of marks by its name"
        )
    lines = [line.strip() for line in file.read_text("latin-1").splitlines()]
    n_stated = int(lines[lines.index(f"NUMBER OF {many}:") + 1])
    found, name, at, is_whole = [], "", 0, True
    while at < len(lines):
        if lines[at] == "NAME:":
            name = lines[at + 1]
        elif lines[at] == f"NUMBER OF {rows}:":
            n_rows = int(lines[at + 1])
            begin = lines.index(f"LIST OF {rows}:", at) + 2
            found.append((name, [line.split() for line in lines[begin : begin + n_rows]]))
            is_whole &= len(found[-1][1]) == n_rows and all(found[-1][1])
            at = begin + n_rows - 1
        at += 1
    if len(found) != n_stated or not is_whole:
        raise InvalidInput(
            f"the list ends early: it states {n_stated} {many.lower()}",
            file=file,
            hint="copy it again from the original",
        )
    return found


def check_dataset(file: Path, folder: Path) -> None:
    """Refuse a list whose header names another dataset than the recording's own lists name."""
    own = {name for one in _LISTS if (name := _dataset_of(folder / one))}
    named = _dataset_of(file)
    if named and own and named not in own | {folder.stem}:
        raise of_another_recording("their header names another dataset than its own lists do", file)


def _dataset_of(file: Path) -> str | None:
    if not file.exists():
        return None
    stated = re.search(r"PATH OF DATASET:\s*(\S[^\r\n]*)", file.read_text("latin-1"))
    return Path(stated[1].strip()).stem if stated else None
