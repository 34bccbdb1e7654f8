"""What every reader of a maker's recordings provides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import mne


def _nothing(path: Path) -> list[Path]:
    return []


def _no_names(path: Path) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Reader:
    """How the recordings of one maker are told and opened.

    Attributes
    ----------
    suffixes : tuple of str
        How their names end, in lower case; ``""`` for a folder without any.
    label : str
        For sentences that say what can be given.
    open_raw : callable
        From a path to a raw object without its data. `InvalidInput` where a part is missing.
    companions : callable
        From a path to the files outside the recording that belong to it.
    own_names : callable
        From a path to the maker's own names of the channels, each with that which `open_raw` gives.
    datatypes : tuple of str
        What BIDS calls what such files hold, at the end of their names.
    is_folder : bool
        Whether a file of such a name is none of these recordings.
    """

    suffixes: tuple[str, ...]
    label: str
    open_raw: Callable[[Path], mne.io.BaseRaw]
    companions: Callable[[Path], list[Path]] = _nothing
    own_names: Callable[[Path], Mapping[str, str]] = _no_names
    datatypes: tuple[str, ...] = ("meg",)
    is_folder: bool = False
