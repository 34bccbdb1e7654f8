"""Which recording of the empty room belongs to a participant's runs."""

import posixpath
import re
from datetime import date, datetime
from pathlib import Path

from bids_app.dataset.headers import acquired, read_header
from bids_app.dataset.links import absent_part
from bids_app.dataset.runs import Recordings, is_first_part
from bids_app.listing import visible
from pipeline.names import entities_of, is_empty_room, session_of
from pipeline.readers import imaged_modality, is_recording
from pipeline.sidecars import merged_metadata, nearest

_PLAIN_NAME = re.compile(r"[\w.+-]+_meg\.\w+")
_URI = re.compile(r"^bids:[^:]*:")


def find_empty_room(
    bids_dir: Path,
    recordings: Recordings,
    reference: Path,
    notes: list[str],
    modality: str = "",
) -> Path | None:
    """Find the recording of the empty room.

    Asked are, in this order: what ``AssociatedEmptyRoom`` of a run names; the participant's own
    recordings of the empty room, of the run's session; all others by their dates, where the
    nearest day serves, and the only one without a date.

    Parameters
    ----------
    bids_dir : Path
    recordings : Recordings
    reference : Path
        The run that the others are compared with.
    notes : list of str
        Gets a sentence for what is named and not there, and for what is not certain.
    modality : str
        What is imaged, where it was asked for.
    """
    if imaged_modality(reference, modality).average_reference:
        return None  # electrodes measure nothing without a head
    for run in (reference, *recordings.runs):
        stated = _stated(bids_dir, run, recordings.runs, notes)
        if stated is not None:
            return stated
    session = session_of(reference)
    own = [room for room in recordings.empty_rooms if session_of(room) == session]
    usable = _here(own, notes)
    if usable:
        return min(usable, key=lambda room: _unlike(room, reference))
    shared = [
        path
        for folder in bids_dir.glob("sub-*")
        if is_empty_room(folder.name.removeprefix("sub-"))
        for path in visible(folder, "**/*_meg*")
        if is_recording(path) and is_first_part(path)
    ]
    others = [room for room in recordings.empty_rooms if room not in own]
    return _by_date(bids_dir, reference, _here([*others, *shared], notes), notes)


def _stated(bids_dir: Path, run: Path, runs: list[Path], notes: list[str]) -> Path | None:
    """What a run's sidecars name, if it is there and holds none of the participant's marks."""
    stated = merged_metadata(run, "meg", bids_dir, notes).get("AssociatedEmptyRoom")
    problem = None
    for uri in stated if isinstance(stated, list) else [stated]:
        if uri is None:
            continue
        path = _path_of(uri, bids_dir, run) if isinstance(uri, str) else None
        absent = None if path is None else absent_part(path)
        if not isinstance(uri, str):
            problem = "holds no path"
        elif path is None:
            problem = "names a file that is not in this dataset"
        elif not is_recording(path):
            problem = "names a file that is no recording that is read"
        elif path == run or (path in runs and nearest(path, "events", ".tsv", bids_dir)):
            problem = f"names {path.name}, a recording of the participant"
        elif absent is not None:
            problem = f"names {path.name}: {absent.message}; {absent.hint}"
        else:
            return path
    if problem is not None:
        notes.append(f"AssociatedEmptyRoom of {run.name} {problem}.")
    return None


def _path_of(uri: str, bids_dir: Path, run: Path) -> Path | None:
    """The file that is named relative to the dataset, to the participant or to the run, else the only one of its name; None without."""
    relative = posixpath.normpath(_URI.sub("", uri.strip()).replace("\\", "/").lstrip("/"))
    participant = bids_dir / run.relative_to(bids_dir).parts[0]
    for base in () if relative.startswith("..") else (bids_dir, participant, run.parent):
        path = base / relative
        first_part = path.with_name(path.name.replace("_meg.", "_split-01_meg."))
        for candidate in (path, first_part):
            try:
                if candidate.is_symlink() or candidate.exists():
                    return candidate
            except (OSError, ValueError):
                return None  # no path at all
    name = posixpath.basename(relative)
    alike = visible(bids_dir, f"sub-*/**/{name}") if _PLAIN_NAME.fullmatch(name) else []
    return alike[0] if len(alike) == 1 else None


def _here(rooms: list[Path], notes: list[str]) -> list[Path]:
    """The recordings whose content is here."""
    usable = []
    for room in rooms:
        absent = absent_part(room)
        if absent is None:
            usable.append(room)
        else:
            notes.append(
                f"The empty room {room.name} was not used: {absent.message}; {absent.hint}."
            )
    return usable


def _by_date(bids_dir: Path, reference: Path, rooms: list[Path], notes: list[str]) -> Path | None:
    own_days = _days_of(reference, bids_dir)
    distances = {
        room: min(
            (abs((a - b).days) for a in own_days for b in _days_of(room, bids_dir)), default=None
        )
        for room in rooms
    }
    known = [days for days in distances.values() if days is not None]
    if not known:
        if len(rooms) == 1:
            notes.append(
                f"{rooms[0].name} was taken for the empty room, as the only one: its day or that of "
                f"{reference.name} is not known."
            )
            return rooms[0]
        if rooms:
            notes.append(
                f"None of {len(rooms)} empty rooms was used: their days or that of "
                f"{reference.name} are not known; name one in AssociatedEmptyRoom."
            )
        return None
    nearest = [room for room, days in distances.items() if days == min(known)]
    if len(set(map(session_of, nearest))) > 1:
        names = ", ".join(room.name for room in nearest)
        notes.append(
            f"No empty room was used: each of {names} may be that of {reference.name}; name one in "
            "AssociatedEmptyRoom."
        )
        return None
    chosen = min(nearest, key=lambda room: _unlike(room, reference))
    if min(known) > 0:
        notes.append(
            f"{chosen.name} was taken for the empty room, as the nearest in time: it was recorded "
            f"{min(known)} days from {reference.name}."
        )
    return chosen


def _days_of(path: Path, bids_dir: Path) -> set[date]:
    """Days that the session, ``scans.tsv`` and the header say."""
    days = set()
    try:
        days.add(datetime.strptime((session_of(path) or "")[:8], "%Y%m%d").date())
    except ValueError:
        pass  # no date but a name
    header = read_header(path)
    for time in (acquired(path, bids_dir), header.measured if header else None):
        if time is not None:
            days.add(time.date())
    return days


def _unlike(room: Path, run: Path) -> tuple:
    """Sorts rooms: processed as the run first, then of its acquisition, then by name."""
    room_entities, own = entities_of(room.name), entities_of(run.name)
    return (*(room_entities.get(key) != own.get(key) for key in ("proc", "acq")), room)
