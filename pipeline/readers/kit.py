"""KIT, Yokogawa and RICOH: a file ``.con`` or ``.sqd``, markers and digitised points beside it."""

from pathlib import Path

import mne

SUFFIXES = (".con", ".sqd")
_KINDS = ("markers", "electrodes", "headshape")


def companions(path: Path) -> list[Path]:
    """Markers and digitised points."""
    return [file for kind in _KINDS if (file := _beside(path, kind))]


def open_raw(path: Path) -> mne.io.BaseRaw:
    """Open a recording without loading its data."""
    markers, points, shape = (_beside(path, kind) for kind in _KINDS)
    return mne.io.read_raw_kit(path, mrk=markers, elp=points, hsp=shape)


def _beside(path: Path, suffix: str) -> Path | None:
    """The companion file of a recording, None where there is none."""
    stem = path.stem.removesuffix("_meg")
    found = sorted(path.parent.glob(f"{stem}_*{suffix}.*"))
    entities = stem.split("_")
    if not found and entities:
        found = sorted(path.parent.glob(f"{entities[0]}_*{suffix}.*"))
    return found[0] if found else None
