"""Readers of MEG recordings, one file per maker: it defines ``READER``, a `_reader.Reader`."""

import sys
from collections.abc import Mapping
from pathlib import Path

import mne
import numpy as np

from pipeline.errors import InvalidInput
from pipeline.readers._reader import Reader
from pipeline.registry import Registry

READERS: Registry[Reader] = Registry(sys.modules[__name__], "READER")


def is_recording(path: Path) -> bool:
    """Whether a file or folder is named as BIDS names an MEG recording of a maker read here."""
    path = Path(path)
    reader = _reader_of(path)
    named = path.name.lower().endswith(f"_meg{path.suffix.lower()}")
    is_hidden = path.name.startswith(".")
    is_stray = reader is not None and reader.is_folder and path.is_file()
    return reader is not None and named and not is_hidden and not is_stray


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
        *most, last = (READERS[name].label for name in READERS)
        raise InvalidInput(
            "the MEG recording has a format that is not read",
            file=path,
            hint=f"give {', '.join(most)} or {last}",
        )
    raw = reader.open_raw(Path(path))
    _forget_supposed_place(raw.info)
    return raw


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
