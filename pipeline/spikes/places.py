"""Where in a run spikes and spike-free windows can be taken, given the stretches that are bad."""

from collections import Counter
from dataclasses import dataclass

import mne
import numpy as np

from pipeline.spikes.config import EPOCH_S, Config
from pipeline.spikes.events import EventTable
from pipeline.spikes.noise import SPIKE_GUARD_S, baseline_starts
from pipeline.spikes.selection import DUPLICATE

DUPLICATE_S = 0.05


@dataclass(frozen=True)
class SpikePlaces:
    """Where a run's spikes lie.

    Attributes
    ----------
    spike_s : ndarray, (n_spikes,)
        Middle of each annotation.
    max_shift : ndarray of int, (n_spikes,)
        How many samples each may be moved.
    reach : int
        Samples on either side that are cut out.
    reasons : list of str
        Why a spike cannot be used whatever it looks like; empty otherwise.
    """

    spike_s: np.ndarray
    max_shift: np.ndarray
    reach: int
    reasons: list[str]


def spike_places(
    events: EventTable,
    config: Config,
    sfreq_hz: float,
    n_times: int,
    bad_s: np.ndarray,
    longest_spike_s: float,
) -> SpikePlaces:
    """Place the spikes of a run of `n_times` samples whose stretches `bad_s` (n, 2) are bad.

    `longest_spike_s` is of all runs, so that what is cut out has one length in all of them.
    """
    spike_s = events.onset_s + events.duration_s / 2
    max_shift = np.round(config.shift_s(events.duration_s) * sfreq_hz).astype(int)
    most_shift = round(float(config.shift_s(longest_spike_s)) * sfreq_hz)
    reach = round(EPOCH_S / 2 * sfreq_hz) + 2 * most_shift + 1
    reasons = _early_reasons(spike_s, n_times / sfreq_hz, reach / sfreq_hz, bad_s)
    return SpikePlaces(spike_s, max_shift, reach, reasons)


def spike_free_starts(
    events: EventTable, sfreq_hz: float, n_times: int, bad_s: np.ndarray, max_windows: int
) -> np.ndarray:
    """First samples of windows that hold neither a spike nor a bad stretch."""
    near_spike_s = np.column_stack(
        [
            events.onset_s - SPIKE_GUARD_S,
            events.onset_s + events.duration_s + SPIKE_GUARD_S,
        ]
    )
    return baseline_starts(n_times, sfreq_hz, np.vstack([near_spike_s, bad_s]), max_windows)


def in_clean_parts(reasons: list[str]) -> str:
    """What usable spikes do, with how many do not, and why."""
    counts = Counter(reason for reason in reasons if reason)
    counted = ", ".join(f"{n} {reason}" for reason, n in counts.most_common())
    return "lie in clean parts of the recording" + (f" ({counted})" if counted else "")


def marked_stretches(
    raw: mne.io.BaseRaw, events: EventTable | None
) -> list[tuple[float, float, str]]:
    """Stretches that the recording's own annotations or events.tsv call bad."""
    annotated = () if events is None else events.bad_s
    stretches = [(float(start), float(stop), "marked in events.tsv") for start, stop in annotated]
    # mne counts onsets from where the acquisition began, with and without a date.
    first = raw.first_samp / raw.info["sfreq"]
    for note in raw.annotations:
        if note["description"].lower().startswith("bad") and note["duration"] > 0:
            start = float(note["onset"]) - first
            stretches.append((start, start + float(note["duration"]), "marked in the recording"))
    return stretches


def _early_reasons(spike_s, duration_s: float, reach_s: float, bad_s: np.ndarray) -> list[str]:
    reasons = []
    for i, time in enumerate(spike_s):
        in_bad = (bad_s[:, 0] < time + EPOCH_S / 2) & (bad_s[:, 1] > time - EPOCH_S / 2)
        if not 0 <= time <= duration_s:
            reasons.append("outside the recording")
        elif time < reach_s or time > duration_s - reach_s:
            reasons.append("too close to the recording's edge")
        elif np.any(np.abs(time - spike_s[:i]) < DUPLICATE_S):
            reasons.append(DUPLICATE)
        elif in_bad.any():
            reasons.append("in a bad stretch")
        else:
            reasons.append("")
    return reasons


def spans(stretches: list[tuple[float, float, str]]) -> np.ndarray:
    """Start and end (n, 2) of stretches."""
    return np.array([stretch[:2] for stretch in stretches]).reshape(-1, 2)
