"""Which run the others are compared with, and whose head position the leadfield has."""

from pathlib import Path

from pipeline.errors import InvalidInput
from pipeline.spikes.events import read_events


def reference_run(meg: list[Path], events: list[Path | None], spike_name: tuple[str, ...]) -> int:
    """Index of the first run with spikes; of the first run where none has any.

    Parameters
    ----------
    meg : list of Path
    events : list of (Path or None)
        One entry per run. A table that cannot be read has no spikes here; reading the runs says so.
    spike_name : tuple of str
        Words or phrases that name a spike.
    """
    for index, file in zip(range(len(meg)), events, strict=True):
        if file is not None and _has_spikes(file, spike_name):
            return index
    return 0


def _has_spikes(file: Path, spike_name: tuple[str, ...]) -> bool:
    try:
        return len(read_events(file, spike_name).onset_s) > 0
    except InvalidInput:
        return False
