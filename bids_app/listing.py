"""Listing the files of a dataset; those that begin with a dot are none of it."""

import os
from pathlib import Path

CLOSED = "cannot be listed by this user"


def is_open(folder: Path) -> bool:
    """Whether a folder can be listed, if it is there: what a closed one holds looks as if it were not."""
    return not folder.exists() or os.access(folder, os.R_OK | os.X_OK)


def visible(folder: Path, pattern: str) -> list[Path]:
    """What fits a pattern below a folder, sorted, without dot files and what lies in dot folders.

    macOS leaves ``._NAME`` beside NAME, and tools keep folders such as ``.git`` and ``.heudiconv``:
    BIDS calls none of them data. The folder itself may have or lie below such a name.

    Parameters
    ----------
    folder : Path
        Nothing is found where it is not there.
    pattern : str
        As `Path.glob` takes it.
    """
    return sorted(
        path
        for path in folder.glob(pattern)
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
