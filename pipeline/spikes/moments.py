"""What says that marks are not at the moments of the spikes: onsets of another base of time, or another's."""

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from pipeline.doubts import Doubt
from pipeline.names import entities_of
from pipeline.spikes.config import Config

if TYPE_CHECKING:
    from pipeline.spikes.choice import Annotated

# So many onsets do not agree to the last digit by chance.
MIN_SAME = 3
# Onsets are rounded by programs, samples by nature.
SAME_TIME_S = 0.05
SAME_S = 1e-6
# So many onsets are whole seconds by rounding alone.
MIN_WHOLE = 8


def n_outside_of(onset_s: np.ndarray, duration_s: float) -> int:
    """How many onsets (n,) are not within a recording."""
    return int(np.sum((onset_s < 0) | (onset_s > duration_s)))


def counted_from_acquisition(
    run: "Annotated", first_stored_s: float, duration_s: float
) -> tuple[Doubt, ...]:
    """A grave doubt where onsets fit a run only if they count from where its acquisition began.

    Parameters
    ----------
    run : Annotated
        With events.
    first_stored_s : float
        From the acquisition's begin to the first stored sample.
    duration_s : float
    """
    return _counted_from(
        run,
        first_stored_s,
        duration_s,
        f"count from the acquisition's begin, {first_stored_s:.1f} s before the first stored sample, from "
        "which BIDS counts",
    )


def counted_across_runs(run: "Annotated", before_s: float, duration_s: float) -> tuple[Doubt, ...]:
    """A grave doubt where onsets fit a run only if they count on from the runs before it, as in joined recordings.

    Parameters
    ----------
    run : Annotated
        With events.
    before_s : float
        How long the runs before it last together.
    duration_s : float
    """
    return _counted_from(
        run,
        before_s,
        duration_s,
        f"count on from the {before_s:.1f} s of the runs before it, as if all were one",
    )


def _counted_from(
    run: "Annotated", begin_s: float, duration_s: float, how: str
) -> tuple[Doubt, ...]:
    """A grave doubt where all onsets are within a run if they count from so long before it, and else not."""
    assert run.events is not None
    onset_s = run.events.onset_s
    later = begin_s > 0 and not n_outside_of(onset_s - begin_s, duration_s)
    if not later or not n_outside_of(onset_s, duration_s):
        return ()
    text = (
        f"The spikes of {run.path.name} fit the recording only if their onsets {how}: they may mark "
        "other moments"
    )
    return (Doubt(text, grave=True),)


def longer_than_searched(run: "Annotated", config: Config) -> tuple[Doubt, ...]:
    """A doubt where marks are so long that a part of each is not searched for the spike's peak."""
    assert run.events is not None
    longest_s = 2 * (config.most_shift_s - config.max_shift_s)
    n_long = int((run.events.duration_s > longest_s + SAME_S).sum())
    if not n_long:
        return ()
    text = (
        f"{n_long} spikes of {run.path.name} have durations above {longest_s:.2g} s: each was looked for in the "
        f"middle {2 * config.most_shift_s:.2g} s of its mark; if the onsets are the spikes' peaks, durations of "
        "0 say so"
    )
    return (Doubt(text),)


def whole_seconds(run: "Annotated", config: Config) -> tuple[Doubt, ...]:
    """A doubt where all onsets are whole seconds, as a spreadsheet's or a viewer's rounding leaves them."""
    assert run.events is not None
    onset_s = run.events.onset_s
    if len(onset_s) < MIN_WHOLE or (np.abs(onset_s - np.round(onset_s)) > SAME_S).any():
        return ()
    text = (
        f"All {len(onset_s)} onsets of the spikes of {run.path.name} are whole seconds: if they were rounded, "
        f"most spikes lie further from their marks than the {config.max_shift_s:.2g} s in which each is looked for"
    )
    return (Doubt(text),)


def unlike_samples(run: "Annotated", sfreq_hz: float, first_stored_s: float) -> tuple[Doubt, ...]:
    """A doubt where the columns ``onset`` and ``sample`` of a table are of two bases of time.

    Samples may count from the acquisition's begin, or from 1.
    """
    assert run.events is not None
    if run.events.sample is None:
        return ()
    apart_s = run.events.sample / sfreq_hz - run.events.onset_s
    apart_s = apart_s[np.isfinite(apart_s)]
    if len(apart_s) < MIN_SAME:
        return ()
    apart_s = min(abs(apart_s).max(), abs(apart_s - first_stored_s).max())
    if apart_s <= SAME_TIME_S:
        return ()
    text = (
        f"The columns onset and sample of the spikes of {run.path.name} are up to {apart_s:.2g} s apart at "
        f"the recording's {sfreq_hz:g} Hz: the onsets, which are used, may be of another recording or rate"
    )
    return (Doubt(text),)


def same_moments(runs: list["Annotated"]) -> tuple[Doubt, ...]:
    """A grave doubt where the spikes of two runs have the very same onsets: one table is not its run's."""
    doubts = []
    for run, other in combinations(runs, 2):
        assert run.events is not None and other.events is not None
        onset_s, other_s = run.events.onset_s, other.events.onset_s
        if len(onset_s) < MIN_SAME or not np.array_equal(onset_s, other_s):
            continue
        shared = (
            f"one table ({run.events_tsv.name}) applies to both"
            if run.events_tsv is not None and run.events_tsv == other.events_tsv
            else "one table seems to be a copy of the other"
        )
        text = (
            f"All {len(onset_s)} spikes of {run.path.name} and of {other.path.name} have the same "
            f"onsets, which two recordings do not share: {shared}"
        )
        doubts.append(Doubt(text, grave=True))
    return tuple(doubts)


def of_everybody(runs: list["Annotated"]) -> tuple[Doubt, ...]:
    """A grave doubt where a table names no participant: BIDS applies it to the recordings of every one."""
    tables = {
        run.events_tsv.name for run in runs if run.events_tsv is not None and run.n_spikes > 0
    }
    return tuple(
        Doubt(
            f"The spikes are those of {name}, which is named for no participant and so applies to the "
            "recordings of every one: they may mark another patient's recording",
            grave=True,
        )
        for name in sorted(tables)
        if "sub" not in entities_of(name)
    )
