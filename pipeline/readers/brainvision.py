"""BrainVision: a header ``.vhdr`` that names its data and its markers."""

import re
from pathlib import Path

import mne

from pipeline.readers import _electrodes
from pipeline.readers._reader import Reader

_NAMED = re.compile(r"^\s*(?:DataFile|MarkerFile)\s*=\s*(.+?)\s*$", re.M)


def companions(path: Path) -> list[Path]:
    """Data and markers as the header names them, and the tables beside."""
    text = path.read_text(errors="replace") if path.is_file() else ""
    named = (path.with_name(name.replace("$b", path.stem)) for name in _NAMED.findall(text))
    return [*(file for file in named if file.exists()), *_electrodes.companions(path)]


def open_alone(path: Path) -> mne.io.BaseRaw:
    return mne.io.read_raw_brainvision(path)


READER = Reader(
    (".vhdr",),
    "BrainVision .vhdr",
    _electrodes.opener(open_alone),
    companions=companions,
    datatypes=(_electrodes.DATATYPE,),
)
