"""BTi and 4D Neuroimaging: a folder with the data, ``config`` and ``hs_file``."""

from pathlib import Path

import mne

from pipeline.errors import InvalidInput

SUFFIXES = ("",)


def companions(path: Path) -> list[Path]:
    """None: everything lies in the folder."""
    return []


def open_raw(path: Path) -> mne.io.BaseRaw:
    """Open a recording without loading its data."""
    files = sorted(path.iterdir()) if path.is_dir() else []
    data = [file for file in files if file.name.lower().startswith(("c,rf", "e,rf"))]
    if not data or not (path / "config").exists():
        raise InvalidInput(
            "the MEG recording is no BTi folder",
            file=path,
            hint="give the folder with config, hs_file and the data",
        )
    head_shape = path / "hs_file"
    return mne.io.read_raw_bti(
        data[0], path / "config", str(head_shape) if head_shape.exists() else None
    )
