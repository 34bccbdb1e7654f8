"""Readers of recordings, one file per maker: it defines ``READER``, a `_reader.Reader`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import mne
import numpy as np

from pipeline.errors import InvalidInput
from pipeline.modality import MODALITIES, datatypes
from pipeline.readers._reader import Reader
from pipeline.registry import Registry

if TYPE_CHECKING:
    from pipeline.modality._modality import Modality

READERS: Registry[Reader] = Registry(sys.modules[__name__], "READER")


def is_recording(path: Path) -> bool:
    """Whether a file or folder is named as BIDS names a recording of a maker read here."""
    path = Path(path)
    reader = _reader_of(path)
    if reader is None or path.name.startswith(".") or (reader.is_folder and path.is_file()):
        return False
    return datatype_of(path) in reader.datatypes


def datatype_of(path: Path) -> str:
    """What BIDS calls what a recording of this name holds (``meg``); empty where it says nothing."""
    stem = path.name[: len(path.name) - len(path.suffix)]
    return stem.lower().rsplit("_", 1)[-1] if "_" in stem else ""


def promised_modality(path: Path) -> "Modality":
    """The modality that a recording's name promises; MEG where it promises none."""
    return MODALITIES[_promised(path)]


def imaged_modality(path: Path, name: str = "") -> "Modality":
    """The modality of that name, or without one that which the recording's name promises."""
    return MODALITIES[name] if name else promised_modality(path)


def called(path: Path) -> str:
    """What people call what a recording of this name holds, for sentences about its file."""
    return promised_modality(path).label


def companions(path: Path) -> list[Path]:
    """Files outside the recording's own file or folder that are read with it, sorted."""
    reader = _reader_of(path)
    return [] if reader is None else sorted(reader.companions(Path(path)))


def own_names(path: Path) -> Mapping[str, str]:
    """A maker's own names of the channels to those that `open_raw` gives, where the two differ."""
    reader = _reader_of(path)
    return {} if reader is None else reader.own_names(Path(path))


def open_raw(path: Path) -> mne.io.BaseRaw:
    """Open a recording without loading its data.

    Raises
    ------
    InvalidInput
        The format is not read. Damaged files make the makers' parsers raise anything else.
    """
    reader = _reader_of(path)
    if reader is None:
        kind, readers = _promised(path), (READERS[name] for name in READERS)
        *most, last = (each.label for each in readers if kind in each.datatypes)
        raise InvalidInput(
            f"the {called(path)} recording has a format that is not read",
            file=path,
            hint=f"give {', '.join(most)} or {last}",
        )
    raw = reader.open_raw(Path(path))
    _forget_supposed_place(raw.info)
    return raw


def _promised(path: Path) -> str:
    name = datatype_of(path)
    return name if name in datatypes() else "meg"


def _reader_of(path: Path) -> Reader | None:
    suffix = Path(path).suffix.lower()
    readers = (READERS[name] for name in READERS)
    return next((reader for reader in readers if suffix in reader.suffixes), None)


def _forget_supposed_place(info: mne.Info) -> None:
    """mne supposes a head at the device's origin where KIT's or BTi's files do not say where it was."""
    place = info["dev_head_t"]
    if place is not None and not info["dig"] and np.array_equal(place["trans"], np.eye(4)):
        with info._unlock():
            info["dev_head_t"] = None
