"""Files whose content cannot be had: links and pointers to what a keeper of data holds, and closed ones."""

import os
from pathlib import Path

from pipeline.errors import InvalidInput

_LARGEST_POINTER_BYTES = 32768
_ANNEX, _LFS = b"/annex/objects/", b"version https://git-lfs.github.com/spec/"
_KEEPERS = {
    _ANNEX: ("git-annex", "run 'datalad get' or 'git annex get' on it"),
    _LFS: ("Git LFS", "run 'git lfs pull' in the dataset"),
}


def absent_content(file: Path) -> InvalidInput | None:
    """Why the content of a file is not here, with the remedy; None if it is, or there is no file."""
    file = Path(file)
    keeper = next((_KEEPERS[sign] for sign in _KEEPERS if _start(file).startswith(sign)), None)
    if keeper is not None:
        name, remedy = keeper
        return InvalidInput(
            f"the content of the file is kept by {name} and is not here", file=file, hint=remedy
        )
    if file.is_file() and not os.access(file, os.R_OK):
        return InvalidInput(
            "the file cannot be read by this user",
            file=file,
            hint="give this user the right to read it",
        )
    if file.is_symlink() and not file.exists():
        return InvalidInput(
            "the path is a link that leads nowhere",
            file=file,
            hint="restore the file that it names, or remove the link",
        )
    return None


def require_content(file: Path) -> None:
    """Raise what `absent_content` tells."""
    absent = absent_content(file)
    if absent is not None:
        raise absent


def _start(file: Path) -> bytes:
    """What tells a keeper: a pointer's first bytes; of a broken link into an annex, its sign."""
    if file.is_symlink() and not file.exists():
        return _ANNEX if _ANNEX.decode() in file.readlink().as_posix() else b""
    if file.is_file() and file.stat().st_size <= _LARGEST_POINTER_BYTES:
        try:
            with file.open("rb") as stream:
                return stream.read(64)
        except OSError:  # what cannot be read is its reader's to report
            return b""
    return b""
