"""Sharp and rhythmic activity of a healthy brain, which is mistaken for epileptic spikes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Kind:
    """One kind of transient; both sides show it at once.

    Attributes
    ----------
    lobe : str
        Sublobar region without its side.
    per_minute : float
    snr_db : float
        Power at its largest against ongoing activity in 1-40 Hz, mean over channels, of each side.
    course : callable
        From the generator and times (n,) in s around the transient's middle to unit height.
    """

    lobe: str
    per_minute: float
    snr_db: float
    course: Callable[[np.random.Generator, np.ndarray], np.ndarray]


def _burst(rng, time_s, hz, length_s):
    """A rhythm that waxes and wanes."""
    envelope = np.exp(-0.5 * (time_s / (length_s / 3)) ** 2)
    return envelope * np.cos(2 * np.pi * hz * time_s + rng.uniform(-0.3, 0.3))


def _spindle(rng, time_s):
    return _burst(rng, time_s, rng.uniform(12, 15), rng.uniform(0.6, 1.4))


def _wicket(rng, time_s):
    """An arciform run: each wave has a sharp top and a round bottom."""
    run = _burst(rng, time_s, rng.uniform(7, 10), rng.uniform(0.5, 1.0))
    return np.where(run > 0, run**2, 0.4 * run)


def _vertex_wave(rng, time_s):
    width_s = rng.uniform(0.03, 0.045)
    after = 0.5 * np.exp(-0.5 * ((time_s - 0.13) / 0.06) ** 2)
    return np.exp(-0.5 * (time_s / width_s) ** 2) - after


def _posterior(rng, time_s):
    """A checkmark: slow up, sharp down."""
    width_s = np.where(time_s < 0, 0.05, 0.02) * rng.uniform(0.8, 1.2)
    after = 0.4 * np.exp(-0.5 * ((time_s - 0.09) / 0.04) ** 2)
    return np.exp(-0.5 * (time_s / width_s) ** 2) - after


KINDS = {
    "spindle": Kind("premotor", 3.0, 0.0, _spindle),
    "wicket": Kind("anterior temporal", 2.0, 1.0, _wicket),
    "vertex wave": Kind("central", 2.0, 3.0, _vertex_wave),
    "posterior transient": Kind("occipital", 2.0, 1.0, _posterior),
}


def occurrences_s(rng: np.random.Generator, kind: Kind, length_s: float) -> np.ndarray:
    """Middles of the transients, at least one: sorted, s."""
    n = max(1, rng.poisson(kind.per_minute * length_s / 60))
    return np.sort(rng.uniform(1.0, length_s - 1.0, n))


def course(
    rng: np.random.Generator, kind: Kind, middles_s: np.ndarray, n_times: int, sfreq: float
) -> np.ndarray:
    """Course over the whole recording: float32 (n_times,)."""
    total = np.zeros(n_times, np.float32)
    for middle in middles_s:
        first, last = int((middle - 1.0) * sfreq), int((middle + 1.0) * sfreq)
        sample = np.arange(max(0, first), min(n_times, last))
        height = np.exp(rng.normal(0, 0.2))
        total[sample] += height * kind.course(rng, sample / sfreq - middle)
    return total
