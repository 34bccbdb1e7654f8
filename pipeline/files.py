"""Writing files so that nothing half-written ever stands under a final name."""

import codecs
import errno
import hashlib
import json
import os
import secrets
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pipeline.absent import require_content
from pipeline.errors import InvalidInput, MissingResource
from pipeline.text import western

TMP_PREFIX = ".tmp_"


@contextmanager
def atomic_path(final: Path) -> Iterator[Path]:
    """Yield a temporary path beside `final`; rename it there once the block has succeeded.

    The temporary name ends like the final one, because writers such as mne choose the
    format by the ending, and is one of its own, because other jobs may write the same file.
    A crash leaves only a ``.tmp_`` file, which `remove_leftovers` clears before the next run.
    """
    final = Path(final)
    final.parent.mkdir(parents=True, exist_ok=True)
    tmp = final.with_name(f"{TMP_PREFIX}{secrets.token_hex(4)}_{final.name}")
    try:
        yield tmp
        with tmp.open("rb") as written:
            os.fsync(written.fileno())
        tmp.replace(final)
    except BaseException:
        tmp.unlink(missing_ok=True)
        raise


def remove_leftovers(folder: Path) -> None:
    """Delete what a killed run left of a participant: under `folder`, and beside it under its name."""
    folder = Path(folder)
    for leftover in (
        *folder.rglob(f"{TMP_PREFIX}*"),
        *folder.parent.glob(f"{TMP_PREFIX}*_{folder.name}_*"),
    ):
        leftover.unlink(missing_ok=True)


def open_itself(path: Path, flags: int) -> int:
    """Descriptor of a file under a name that others can foresee, created where it is missing.

    Raises
    ------
    OSError
        The file cannot be opened, or is a link: what is written would land behind it.
    """
    try:
        return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "The file is a symbolic link", str(path)) from error
        raise


def refuse_linked_folders(folder: Path) -> None:
    """Refuse a folder of results that is a link, or that holds a link to a folder.

    Raises
    ------
    MissingResource
        What is written under that name would land elsewhere.
    """
    found = (Path(root) / name for root, names, _ in os.walk(folder) for name in names)
    for path in (folder, *found):
        if path.is_symlink():
            raise MissingResource(
                "A folder of the results is a symbolic link",
                file=path,
                hint="remove the link, or name the folder behind it as the output folder",
            )


def write_text(final: Path, text: str) -> None:
    """Write text in UTF-8; what cannot be encoded, such as half a character, becomes "?"."""
    with atomic_path(final) as tmp:
        tmp.write_text(text, encoding="utf-8", errors="replace")


def write_shared_text(final: Path, text: str) -> None:
    """Write a file that every job of a dataset writes alike: only where it is not there yet."""
    try:
        there = Path(final).read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        there = None
    if there != text:
        write_text(final, text)


def to_json(content: dict) -> str:
    """JSON text with NaN refused: a number that is not assessable must be null."""
    return json.dumps(content, indent=2, allow_nan=False, default=_to_builtin) + "\n"


def write_json(final: Path, content: dict) -> None:
    """Write what `to_json` gives."""
    write_text(final, to_json(content))


def read_json(path: Path, notes: list[str] | None = None) -> dict:
    """Read a file that holds one JSON object; half characters (lone surrogates) become U+FFFD.

    UTF-16 and UTF-32 are told from UTF-8 by their first bytes (RFC 4627, sec. 3). What is none of
    them is read as text of Windows: an umlaut in a name stops nobody.

    Parameters
    ----------
    path : Path
    notes : list of str or None
        Gets a sentence where the text is not of Unicode.

    Raises
    ------
    InvalidInput
        The content is not on this machine, or is no JSON object, or is nested too deeply to be read, or a
        key has two values, of which nobody can say which one is meant.
    OSError
        The file is not there or cannot be opened.
    """
    require_content(path)
    try:
        text, is_unicode = decoded(Path(path).read_bytes())
        if not is_unicode and notes is not None:
            notes.append(f"{Path(path).name} is not UTF-8; it was read as Latin-1.")
        content = _whole_characters(json.loads(text, object_pairs_hook=_single_values))
    except _TwoValuesError as error:
        raise _not_json(f"gives “{error}” two different values", path) from error
    except RecursionError as error:
        raise _not_json("nests its JSON too deeply", path) from error
    except ValueError as error:
        raise _not_json("is not valid JSON", path) from error
    if not isinstance(content, dict):
        raise _not_json("holds no JSON object", path)
    return content


def read_metadata(path: Path, notes: list[str] | None = None) -> dict:
    """Read a BIDS sidecar as `read_json` does, without the keys that it calls unknown.

    ``n/a`` and ``null``, at any depth, mean in BIDS that nothing is known.
    """
    return _known(read_json(path, notes))


def read_toml(path: Path) -> dict:
    """Read a TOML file; ValueError where it is none, also for nesting too deep to be read."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError("it is no UTF-8 text") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def write_npz(final: Path, **arrays) -> None:
    """Write arrays without pickle; the same arrays give the same bytes."""
    with atomic_path(final) as tmp, tmp.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def sha256(path: Path) -> str:
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def decoded(raw: bytes) -> tuple[str, bool]:
    """The text of a JSON or TOML file, and whether it is in an encoding of Unicode."""
    try:
        return raw.decode(json.detect_encoding(raw)), True
    except UnicodeDecodeError:
        return western(raw.removeprefix(codecs.BOM_UTF8)), False


class _TwoValuesError(ValueError):
    """A JSON object has one key twice."""


def _single_values(pairs: list[tuple[str, object]]) -> dict:
    content = dict(pairs)
    for key, value in pairs:
        if content[key] is not value and content[key] != value:  # not a number is unlike itself
            raise _TwoValuesError(key)
    return content


def _not_json(what: str, path: Path) -> InvalidInput:
    return InvalidInput(f"the file {what}", file=path, hint="repair it or remove it")


def _whole_characters(value):
    """The same JSON value with text that every encoding can write."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole_characters(each) for each in value]
    if isinstance(value, dict):
        return {_whole_characters(key): _whole_characters(each) for key, each in value.items()}
    return value


def _known(content: dict) -> dict:
    return {
        key: _known(value) if isinstance(value, dict) else value
        for key, value in content.items()
        if value is not None and not (isinstance(value, str) and value.strip().lower() == "n/a")
    }


def _to_builtin(value):
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return value.name
    raise TypeError(f"{type(value).__name__} is not JSON")
