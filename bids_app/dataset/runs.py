"""Which recordings are a participant's runs: one version of each, and none without a head."""

import re
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path

import numpy as np

from bids_app.dataset.headers import acquired, read_header
from bids_app.dataset.links import absent_part
from bids_app.dataset.marks import events_json_of, events_of
from bids_app.dataset.query import Query, filter_for
from bids_app.dataset.recordings import files_of, imaged_datatype, note_of_others
from bids_app.listing import visible
from pipeline.errors import InvalidInput
from pipeline.modality import MODALITIES, datatypes
from pipeline.names import (
    contradicts_folder,
    entities_of,
    folder_session,
    is_room_by_name,
    participant_key,
)
from pipeline.readers import READERS, is_recording
from pipeline.sidecars import nearest
from pipeline.spikes.reference import has_spikes

# Entities that tell versions of one recording apart, and those that may.
_VERSION = {"split", "proc", "rec", "desc"}
_ACQUISITION = "acq"
_OF_THE_DEVICE = ("crosstalk", "calibration")
# MaxFilter keeps the time of measurement; what one file lost at its ends the other may have.
_SAME_TIME_S, _SAME_LENGTH_S = 2.0, 2.0
_SAME_RECORDING = 0.5
_SAME_DATA = 0.9999
_METADATA = (".json", ".tsv", ".txt", ".md", ".html")
# What is read with the file that names it.
_PARTS = (".eeg", ".vmrk", ".fdt")
# Neuromag's own name of what is read with the first part.
_LATER_PART = re.compile(r"-\d+\.fif$", re.IGNORECASE)


@dataclass(frozen=True)
class Recordings:
    """What a participant's folders of MEG hold, or those of EEG where these hold nothing.

    Attributes
    ----------
    runs : list of Path
        Of each run the one file that is used, in the order of the names.
    empty_rooms : list of Path
        Recordings without anybody under the helmet.
    """

    runs: list[Path]
    empty_rooms: list[Path]


def find_recordings(folder: Path, query: Query, notes: list[str]) -> Recordings:
    """Find a participant's runs and empty rooms.

    Of several files of one recording one is used, in this order of preference: its content is here,
    it can be read, it is not raw data recorded with internal active shielding, its events name
    spikes, its name has the fewest parts (raw before processed), its name comes first.

    Parameters
    ----------
    folder : Path
        The participant's.
    query : Query
    notes : list of str
        Gets a sentence for each choice, and for each recording that is passed over.

    Raises
    ------
    InvalidInput
        There is no recording, or the content of one with spikes is not here.
    """
    recordings, rooms, n_notes = [], [], len(notes)
    datatype = imaged_datatype(folder, query.modality)
    for path in files_of(folder, datatype):
        if entities_of(path.name).get(_ACQUISITION, "").lower() in _OF_THE_DEVICE:
            continue
        if not is_recording(path):
            if _is_unread(path):
                notes.append(f"{path.name} was passed over: its format is not read.")
            elif _is_misnamed(path):
                notes.append(
                    f"{path.name} was passed over: it is not named as BIDS names a recording."
                )
        elif participant_key(entities_of(path.name).get("sub", "")) != participant_key(folder.name):
            notes.append(f"{path.name} was passed over: it is not named for {folder.name}.")
        elif is_room_by_name(path.name):
            rooms.append(path)
        elif query.sessions and contradicts_folder(path):
            notes.append(
                f"{path.name} was passed over: it lies in the folder of ses-{folder_session(path)}."
            )
        elif query.wants_recording(path):
            recordings.append(path)
    recordings = _first_parts(recordings, notes)
    if not recordings:
        notes += [
            f"{path.name} was passed over: it lies in no folder named {datatype}."
            for path in visible(folder, f"**/*_{datatype}.*")
            if is_recording(path) and datatype not in path.relative_to(folder).parts
        ]
        passed_over = "; ".join(note.rstrip(".") for note in notes[n_notes:])
        raise InvalidInput(
            f"No {MODALITIES[datatype].label} recording was found{passed_over and f': {passed_over}'}",
            file=folder / datatype,
            hint=f"add a *_{datatype} recording or widen the session, task, run and filter options",
        )
    notes += note_of_others(folder, datatype, query.modality)
    recordings, without_head = _with_head(recordings, folder.parent, notes)
    groups: list[list[Path]] = []
    for path in recordings:
        group = next((each for each in groups if _is_one(path, each[0], folder.parent)), None)
        if group is None:
            groups.append([path])
        else:
            group.append(path)
    chosen = [_chosen(group, folder.parent, query, notes) for group in groups]
    runs = _here(chosen, folder.parent, query, notes)
    return Recordings(runs, _first_parts(rooms, []) + without_head)


def is_first_part(path: Path) -> bool:
    """Whether a file is a whole recording, or the first part of a split one."""
    return entities_of(path.name).get("split", "1") in ("0", "1")


def _is_unread(path: Path) -> bool:
    """Whether a file is named as recordings are, but is of no format that is read."""
    stem, *extensions = path.name.split(".")
    named = stem.lower().endswith(tuple(f"_{name}" for name in datatypes()))
    return named and "." + ".".join(extensions) not in _METADATA + _PARTS


def _is_misnamed(path: Path) -> bool:
    """Whether a file is of a format that is read, with something behind the name: a copy's number."""
    is_read = any(path.suffix.lower() in READERS[name].suffixes for name in READERS)
    return is_read and _LATER_PART.search(path.name) is None


def _first_parts(recordings: list[Path], notes: list[str]) -> list[Path]:
    """The recordings without later parts of split ones, which are read with the first part."""
    firsts = [path for path in recordings if is_first_part(path)]
    known = [_without_part(path) for path in firsts]
    notes += [
        f"{path.name} was passed over: the first part of this split recording is missing."
        for path in recordings
        if path not in firsts and _without_part(path) not in known
    ]
    return firsts


def _without_part(path: Path) -> dict[str, str]:
    return {key: value for key, value in entities_of(path.name).items() if key != "split"}


def _with_head(
    recordings: list[Path], bids_dir: Path, notes: list[str]
) -> tuple[list[Path], list[Path]]:
    """Recordings of a head, and those of the empty room that are not named so.

    Where none has a head position that is what is wrong with them, and the head model says so.
    """
    if len(recordings) == 1:
        return recordings, []
    headers = {path: read_header(path) for path in recordings}
    headless = [path for path, header in headers.items() if header and not header.has_head]
    if len(headless) == len(recordings):
        return recordings, []
    rooms = []
    for path in headless:
        if nearest(path, "events", ".tsv", bids_dir) is None:
            notes.append(
                f"{path.name} was taken for an empty room: it holds neither a head position nor "
                "digitised points."
            )
            rooms.append(path)
        else:
            notes.append(
                f"{path.name} was passed over: it holds neither a head position nor digitised "
                "points."
            )
    return [path for path in recordings if path not in headless], rooms


def _is_one(path: Path, other: Path, bids_dir: Path) -> bool:
    """Whether two files hold one recording: by their names, else by when it was made and what it is."""
    own, others = entities_of(path.name), entities_of(other.name)
    differing = {key for key in own.keys() | others.keys() if own.get(key) != others.get(key)}
    if differing and differing <= _VERSION:
        return True
    if not differing and path.suffix != other.suffix:
        return True  # in two formats
    if _is_copy(path, other):
        return True  # whatever the dates: making anonymous shifts them
    if not differing <= _VERSION | {_ACQUISITION}:
        return False
    if _apart_in_table(acquired(path, bids_dir), acquired(other, bids_dir)):
        return False
    header, its_header = read_header(path), read_header(other)
    if header is None or its_header is None:
        return False  # nothing tells that they are one; what is wrong is said where it is read
    if _apart(header.measured, its_header.measured):
        return False
    if abs(header.duration_s - its_header.duration_s) > _SAME_LENGTH_S:
        return False
    return _alike(header.middle, its_header.middle)


def _apart(first: datetime | None, second: datetime | None) -> bool:
    """Whether two times are known not to be those of one recording."""
    if first is None or second is None:
        return False
    return abs((first - second).total_seconds()) > _SAME_TIME_S


def _apart_in_table(first: datetime | None, second: datetime | None) -> bool:
    """The same of ``scans.tsv``, where a day without a time of day is read as its midnight."""
    if first is not None and second is not None and time() in (first.time(), second.time()):
        return first.date() != second.date()
    return _apart(first, second)


def _alike(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two stretches are versions of one: dates that were made anonymous are all the same."""
    if len(first) != len(second) or not (np.ptp(first) and np.ptp(second)):
        return len(first) != len(second) or np.ptp(first) == np.ptp(second)
    return np.corrcoef(first, second)[0, 1] > _SAME_RECORDING


def _is_copy(path: Path, other: Path) -> bool:
    """Whether a file of another name holds the very same data, or a multiple of it."""
    header, its_header = read_header(path), read_header(other)
    if header is None or its_header is None or header.duration_s != its_header.duration_s:
        return False
    first, second = header.middle, its_header.middle
    is_flat = not (np.ptp(first) and np.ptp(second))
    return not is_flat and np.corrcoef(first, second)[0, 1] > _SAME_DATA


def _chosen(group: list[Path], bids_dir: Path, query: Query, notes: list[str]) -> Path:
    if len(group) == 1:
        return group[0]
    headers = {path: read_header(path) for path in group}

    def rank(path: Path) -> tuple:
        header = headers[path]
        return (
            absent_part(path) is not None,
            header is None,
            header is not None and header.is_shielded,
            not _has_spikes(path, bids_dir, query),
            len(entities_of(path.name)),
            path,
        )

    chosen, *others = sorted(group, key=rank)
    reasons = (
        "the content of the other is not here",
        "the other cannot be read",
        "the other was recorded with internal active shielding and is raw",
        "only its events name spikes",
    )
    first, second = rank(chosen)[: len(reasons)], rank(others[0])[: len(reasons)]
    why = next(
        (f", because {why}" for why, a, b in zip(reasons, first, second, strict=True) if a != b), ""
    )
    named = {path: _named(path, group, bids_dir) for path in group}
    names = ", ".join(named[path] for path in others)
    told = filter_for(others[0], chosen)
    remedy = (
        f"Another one is chosen with --bids-filter-file, as by {told}."
        if told
        else "Remove the one that is not wanted."
    )
    notes.append(
        f"{named[chosen]} and {names} hold one recording; {named[chosen]} was used{why}. {remedy}"
    )
    return chosen


def _named(path: Path, group: list[Path], bids_dir: Path) -> str:
    """A file's name, with its folders where another of a group has the same."""
    alike = sum(other.name == path.name for other in group) > 1
    return path.relative_to(bids_dir).as_posix() if alike else path.name


def _has_spikes(path: Path, bids_dir: Path, query: Query) -> bool:
    table = events_of(path, bids_dir, query.marks_dir)
    described = events_json_of(path, bids_dir, query.marks_dir)
    return table is not None and has_spikes(table, query.spike_name, described)


def _here(runs: list[Path], bids_dir: Path, query: Query, notes: list[str]) -> list[Path]:
    """The runs whose content is here: all with spikes must be, and one at least."""
    absent = {path: reason for path in runs if (reason := absent_part(path)) is not None}
    for path, reason in absent.items():
        if len(absent) == len(runs) or _has_spikes(path, bids_dir, query):
            raise reason
        notes.append(f"{path.name}, a run without spikes, was passed over: {reason.message}.")
    return [path for path in runs if path not in absent]
