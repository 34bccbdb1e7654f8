"""Listing the files of a dataset; those that begin with a dot are none of it."""

from pathlib import Path


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
