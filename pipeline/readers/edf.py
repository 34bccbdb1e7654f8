"""EDF, EDF+ and BDF: one file with its header."""

from pathlib import Path

import mne

from pipeline.readers import _electrodes
from pipeline.readers._reader import Reader


def open_alone(path: Path) -> mne.io.BaseRaw:
    """Open a recording without loading its data; all channels at the highest rate of any."""
    read = mne.io.read_raw_bdf if path.suffix.lower() == ".bdf" else mne.io.read_raw_edf
    return read(path)


READER = Reader(
    (".edf", ".bdf"),
    "EDF or BDF",
    _electrodes.opener(open_alone),
    companions=_electrodes.companions,
    datatypes=(_electrodes.DATATYPE,),
)
