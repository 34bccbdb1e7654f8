"""Which of a participant's files the command line asks for."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.names import entities_of, session_of
from pipeline.readers import datatype_of
from pipeline.spikes.config import SPIKE_NAMES

# PyBIDS's names of entities, as filter files have them, to those in file names.
_ENTITIES = {
    "subject": "sub",
    "session": "ses",
    "acquisition": "acq",
    "processing": "proc",
    "reconstruction": "rec",
    "ceagent": "ce",
    "description": "desc",
    "direction": "dir",
}
_NOT_IN_NAMES = ("suffix", "datatype")


@dataclass(frozen=True)
class Query:
    """Which of a participant's files are wanted."""

    sessions: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    filters: dict[str, dict[str, str | None]] = field(default_factory=dict)
    """As in fMRIPrep's filter file: ``{"t1w": {"acquisition": "mprage"}, "meg": {...}}``; None
    lets through what has no such entity."""
    spike_name: tuple[str, ...] = SPIKE_NAMES
    """Of two versions of one recording the one with spikes is wanted."""
    marks_dir: Path | None = None
    """Derivative whose tables of events are read instead of the dataset's."""
    modality: str = ""
    """What is imaged, by `pipeline.modality`; empty: MEG where there is any, else EEG."""

    def wants_recording(self, path: Path) -> bool:
        """Whether sessions, tasks, runs and the filters for its datatype let a recording through."""
        asked = {"ses": self.sessions, "task": self.tasks, "run": self.runs}
        return self._lets_through(path, datatype_of(path)) and all(
            not labels or _value(path, key) in {_plain(key, label) for label in labels}
            for key, labels in asked.items()
        )

    def wants_t1w(self, path: Path) -> bool:
        """Whether the filters for T1w let an image through; its session is a matter of preference."""
        return self._lets_through(path, "t1w")

    def _lets_through(self, path: Path, kind: str) -> bool:
        filters = {
            _ENTITIES.get(key, key): label for key, label in self.filters.get(kind, {}).items()
        }
        return all(
            _value(path, key) == (None if label is None else _plain(key, label))
            for key, label in filters.items()
            if key not in _NOT_IN_NAMES
        )


def filter_for(path: Path, other: Path) -> str:
    """A filter file's content that lets `path` through and not `other`, another version of it; "" without any."""
    own, others = entities_of(path.name), entities_of(other.name)
    long_names = {short: name for name, short in _ENTITIES.items()}
    own["extension"], others["extension"] = _extension(path), _extension(other)
    differing = [key for key in (*own, *others) if own.get(key) != others.get(key)]
    named = {long_names.get(key, key): own.get(key) for key in differing[:1]}
    return json.dumps({datatype_of(path): named}) if named else ""


def _value(path: Path, key: str) -> str | None:
    if key == "ses":
        return session_of(path)
    return _extension(path) if key == "extension" else entities_of(path.name).get(key)


def _extension(path: Path) -> str:
    return "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix


def _plain(key: str, label: str) -> str:
    """A label as `entities_of` gives it: a run's number without leading zeros."""
    return label if key == "extension" else entities_of(f"{key}-{label}")[key]
