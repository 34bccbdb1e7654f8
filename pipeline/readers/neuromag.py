"""FIF, as Neuromag, Elekta and MEGIN write it and as every other format can be converted to."""

import re
from pathlib import Path

import mne

from pipeline.readers import _electrodes
from pipeline.readers._reader import Reader


def companions(path: Path) -> list[Path]:
    """The other parts of a split recording: BIDS numbers them, Neuromag hyphenates them."""
    kind = f"_{_electrodes.DATATYPE}" if _electrodes.is_eeg(path) else "_meg"
    if "_split-" in path.stem:
        part = re.compile(re.escape(path.stem.split("_split-")[0]) + rf"_split-\d+{kind}\.fif")
    else:
        part = re.compile(re.escape(path.stem.removesuffix(kind)) + rf"({kind})?-\d+\.fif")
    parts = [
        file
        for file in path.parent.glob("*.fif")
        if part.fullmatch(file.name) and file.name != path.name
    ]
    return [*parts, *_electrodes.companions(path)]


def open_raw(path: Path) -> mne.io.BaseRaw:
    """Open a recording without loading its data; the parts of a split one together.

    Raw data recorded with internal active shielding are opened, too, which MaxFilter must precede.
    """
    raw = mne.io.read_raw_fif(path, allow_maxshield="yes")
    return _electrodes.with_tables(raw, path) if _electrodes.is_eeg(path) else raw


READER = Reader(
    (".fif",),
    "FIF",
    open_raw,
    companions=companions,
    datatypes=("meg", _electrodes.DATATYPE),
)
