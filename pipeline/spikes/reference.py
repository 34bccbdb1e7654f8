"""Which run the others are compared with, and whose head position the leadfield has."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import InvalidInput
from pipeline.spikes.events import read_events


def reference_run(
    meg: list[Path],
    events: list[Path | None],
    spike_name: tuple[str, ...],
    events_json: Sequence[Sequence[Path]] = (),
) -> int:
    """Index of the first run with spikes; of the first run where none has any.

    Parameters
    ----------
    meg : list of Path
    events : list of (Path or None)
        One entry per run. A table that cannot be read has no spikes here; reading the runs says so.
    spike_name : tuple of str
        Words or phrases that name a spike.
    events_json : sequence of sequences of Path
        The ``events.json`` that apply to each run; empty without any.
    """
    described = events_json or [()] * len(meg)
    for index, file, sidecars in zip(range(len(meg)), events, described, strict=True):
        if file is not None and has_spikes(file, spike_name, sidecars):
            return index
    return 0


def has_spikes(file: Path, spike_name: tuple[str, ...], sidecars: Sequence[Path]) -> bool:
    """Whether a table of events marks a spike; one that cannot be read has none here."""
    try:
        return len(read_events(file, spike_name, sidecars).onset_s) > 0
    except InvalidInput:
        return False
