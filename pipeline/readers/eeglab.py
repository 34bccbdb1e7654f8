"""EEGLAB: a file ``.set``, whose data may lie beside it in ``.fdt``."""

from pathlib import Path

import mne

from pipeline.readers import _electrodes
from pipeline.readers._reader import Reader


def companions(path: Path) -> list[Path]:
    """The data beside it, and the tables."""
    data = path.with_suffix(".fdt")
    return [*([data] if data.exists() else []), *_electrodes.companions(path)]


def open_alone(path: Path) -> mne.io.BaseRaw:
    return mne.io.read_raw_eeglab(path)


READER = Reader(
    (".set",),
    "EEGLAB .set",
    _electrodes.opener(open_alone),
    companions=companions,
    datatypes=(_electrodes.DATATYPE,),
)
