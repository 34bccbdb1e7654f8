"""BTi and 4D Neuroimaging: a folder with the data, ``config`` and ``hs_file``.

In BIDS the folder ends in ``_meg``, or in ``_meg.pdf`` as mne-bids calls it. The data keep the
acquisition's own name, such as ``c,rfDC`` or ``e,rfhp1.0Hz``.
"""

from pathlib import Path

import mne

from pipeline.errors import InvalidInput
from pipeline.readers._reader import Reader

# Beside the data a run's folder may hold the coil-on-head measurement, which is no recording.
_COIL_ON_HEAD = "coh"
_RAW_FIRST = ("c,rfdc", "c,rf", "e,rf")


def own_names(path: Path) -> dict[str, str]:
    """The acquisition's names of the channels (``A1``) to those that `open_raw` gives (``MEG 001``)."""
    names = (_open(path, renamed).ch_names for renamed in (False, True))
    return dict(zip(*names, strict=True))


def open_raw(path: Path) -> mne.io.BaseRaw:
    """Open a recording without loading its data.

    Raises
    ------
    InvalidInput
        The folder lacks ``config`` or data, or it is not clear which file the data are.
    """
    return _open(path, renamed=True)


def _open(path: Path, renamed: bool) -> mne.io.BaseRaw:
    files = [file for file in path.iterdir() if file.is_file()] if path.is_dir() else []
    by_name = {file.name.lower(): file for file in files if not file.name.startswith(".")}
    config, head_shape = by_name.pop("config", None), by_name.pop("hs_file", None)
    data = _data(by_name)
    if config is None or data is None:
        lacking = "config" if config is None else "one file of data (such as c,rfDC)"
        raise InvalidInput(
            f"the folder is no BTi recording: it lacks {lacking}",
            file=path,
            hint="give the run's folder with config, hs_file and the data",
        )
    points = None if head_shape is None else str(head_shape)
    return mne.io.read_raw_bti(data, config, points, rename_channels=renamed)


def _data(by_name: dict[str, Path]) -> Path | None:
    names = sorted(name for name in by_name if _COIL_ON_HEAD not in name)
    for start in _RAW_FIRST:
        chosen = [name for name in names if name.startswith(start)]
        if chosen:
            return by_name[chosen[0]]
    unnamed = [name for name in names if not Path(name).suffix]
    return by_name[unnamed[0]] if len(unnamed) == 1 else None


READER = Reader(
    ("", ".pdf"), "a BTi folder with config", open_raw, own_names=own_names, is_folder=True
)
