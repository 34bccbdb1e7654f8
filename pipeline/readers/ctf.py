"""CTF: a folder ``.ds``."""

from pathlib import Path

import mne

SUFFIXES = (".ds",)


def companions(path: Path) -> list[Path]:
    """None: everything lies in the folder."""
    return []


def open_raw(path: Path) -> mne.io.BaseRaw:
    """Open a recording without loading its data."""
    return mne.io.read_raw_ctf(path)
