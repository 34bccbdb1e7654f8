"""KIT, Yokogawa and RICOH: a file ``.con`` or ``.sqd``, markers and digitised points beside it.

RICOH's files hold the digitised points themselves. Those of KIT come in three further files: where
the marker coils lay in the helmet (before and after the run, or once), where landmarks and coils
lay on the head (``acq-ELP``), and the head's shape (``acq-HSP``).
"""

import re
import shutil
import tempfile
from pathlib import Path

import mne
import numpy as np

from pipeline.errors import InvalidInput
from pipeline.names import is_room_by_name
from pipeline.readers._reader import Reader

_MARKER_SUFFIXES = (".mrk", ".sqd", ".txt")
_POINT_SUFFIXES = (".pos", ".elp", ".hsp", ".txt", ".mat")
_KINDS = ("elp", "hsp")


def companions(path: Path) -> list[Path]:
    """Markers and digitised points."""
    points = (_points(path, kind) for kind in _KINDS)
    return [*_markers(path), *(file for file in points if file)]


def open_raw(path: Path) -> mne.io.BaseRaw:
    """Open a recording without loading its data; several markers are averaged.

    That of an empty room has no place of a head, whatever files of the participant lie beside it.
    Without a head shape landmarks and coils still tell where the head was.

    Raises
    ------
    InvalidInput
        Some of markers, ELP and HSP are there, but markers or ELP are not.
    """
    markers, elp, hsp = _markers(path), _points(path, "elp"), _points(path, "hsp")
    if not (markers or elp or hsp) or is_room_by_name(path.name):
        return mne.io.read_raw_kit(path)
    if elp is None or not markers:
        needed = {"markers (*_markers.mrk or .sqd)": markers, "ELP": elp}
        missing = [name for name, file in needed.items() if not file]
        raise InvalidInput(
            f"the KIT recording lacks its {' and '.join(missing)}, so that the head's place in "
            "the helmet is not known",
            file=path,
            hint="put markers and acq-ELP_headshape beside the recording",
        )
    with tempfile.TemporaryDirectory() as folder:
        # mne tells the kind of a file by its suffix, which in BIDS is .pos or differs in case.
        named = [_named_by_kind(file, Path(folder), f"{i}.mrk") for i, file in enumerate(markers)]
        coils = _named_by_kind(elp, Path(folder), "points.elp")
        shape = np.empty((0, 3)) if hsp is None else _named_by_kind(hsp, Path(folder), "points.hsp")
        return mne.io.read_raw_kit(path, named if len(named) > 1 else named[0], coils, shape)


def _named_by_kind(file: Path, folder: Path, name: str) -> Path:
    """A copy under a name whose suffix says what the file holds."""
    start = file.open("rb").read(4096)
    target = folder / name
    if start.startswith(b"MATLAB"):
        target = target.with_suffix(".mat")
    elif file.suffix.lower() == ".txt" or start.lstrip().startswith(b"%"):
        target = target.with_suffix(".txt")  # FastSCAN
    shutil.copyfile(file, target)
    return target


def _markers(path: Path) -> list[Path]:
    """Marker files of this very run, else of its task, session or participant.

    mne-bids puts the run's label into ``acq-``: ``acq-run01pre_markers.mrk``.
    """
    run = dict(_entities(path)).get("run")
    found = []
    for file in _beside(path, ("markers",), _MARKER_SUFFIXES):
        label = dict(_entities(file)).get("acq", "")
        named = re.match(r"run-?0*(\d+)", label)
        if named and (run is None or named[1] != run.lstrip("0")):
            continue
        found.append((bool(named) + len(_entities(file)) - ("acq-" in file.name), file))
    nearest = max((rank for rank, _ in found), default=0)
    return [file for rank, file in found if rank == nearest]


def _points(path: Path, kind: str) -> Path | None:
    """The file of landmarks and coils (`kind` elp) or of the head's shape (hsp)."""
    beside = _beside(path, ("electrodes", "headshape"), _POINT_SUFFIXES)
    found = [file for file in beside if _kind(file) == kind]
    return max(found, key=lambda file: len(_entities(file)), default=None)


def _kind(file: Path) -> str:
    for word in (dict(_entities(file)).get("acq", "").lower(), file.suffix[1:].lower()):
        if word in _KINDS:
            return word
    return "elp" if file.stem.lower().endswith("electrodes") else "hsp"


def _beside(path: Path, kinds: tuple[str, ...], suffixes: tuple[str, ...]) -> list[Path]:
    """Files of these kinds whose entities, ``acq-`` apart, are the recording's or fewer; sorted."""
    own = set(_entities(path))
    return [
        file
        for file in sorted(path.parent.glob("*_*"))
        if file.suffix.lower() in suffixes
        and not file.name.startswith(".")
        and file.stem.rsplit("_", 1)[-1].lower() in kinds
        and {(key, value) for key, value in _entities(file) if key != "acq"} <= own
    ]


def _entities(path: Path) -> list[tuple[str, str]]:
    return re.findall(r"([A-Za-z]+)-([A-Za-z0-9]+)", path.name)


READER = Reader((".con", ".sqd"), "KIT or RICOH .con/.sqd", open_raw, companions=companions)
