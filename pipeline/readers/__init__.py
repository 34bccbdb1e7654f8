"""Readers of MEG recordings, one module per maker.

A module says which suffixes its recordings have (`SUFFIXES`; a folder without any is ``""``),
which files outside a recording belong to it (`companions`), and opens one without loading its
data (`open_raw`).
"""

from pathlib import Path

import mne
import numpy as np

from pipeline.errors import InvalidInput
from pipeline.readers import bti, ctf, kit, neuromag

_BY_SUFFIX = {suffix: reader for reader in (neuromag, ctf, kit, bti) for suffix in reader.SUFFIXES}
ENDINGS = tuple(f"_meg{suffix}" for suffix in _BY_SUFFIX)
"""How the names of recordings end in BIDS, in lower case."""


def is_recording(path: Path) -> bool:
    """Whether a file or folder is named as BIDS names an MEG recording of a maker read here."""
    path = Path(path)
    is_hidden = path.name.startswith(".")
    named = path.name.lower().endswith(ENDINGS)
    # A BTi recording is a folder: a file of that name is none.
    is_stray = path.suffix.lower() in bti.SUFFIXES and path.is_file()
    return named and not is_hidden and not is_stray


def companions(path: Path) -> list[Path]:
    """Files outside the recording's own file or folder that are read with it, sorted."""
    reader = _BY_SUFFIX.get(Path(path).suffix.lower())
    return [] if reader is None else sorted(reader.companions(Path(path)))


def own_names(path: Path) -> dict[str, str]:
    """A maker's own names of the channels to those that `open_raw` gives, where the two differ."""
    return bti.own_names(path) if Path(path).suffix.lower() in bti.SUFFIXES else {}


def open_raw(path: Path) -> mne.io.BaseRaw:
    """Open a recording without loading its data.

    Raises
    ------
    InvalidInput
        The format is not read. Damaged files make the makers' parsers raise anything else.
    """
    reader = _BY_SUFFIX.get(Path(path).suffix.lower())
    if reader is None:
        raise InvalidInput(
            "the MEG recording has a format that is not read",
            file=path,
            hint="give FIF, CTF .ds, KIT or RICOH .con/.sqd, or a BTi folder with config",
        )
    raw = reader.open_raw(Path(path))
    _forget_supposed_place(raw.info)
    return raw


def _forget_supposed_place(info: mne.Info) -> None:
    """mne supposes a head at the device's origin where KIT's or BTi's files do not say where it was."""
    place = info["dev_head_t"]
    if place is not None and not info["dig"] and np.array_equal(place["trans"], np.eye(4)):
        with info._unlock():
            info["dev_head_t"] = None
