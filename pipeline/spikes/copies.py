"""Marks of two runs that lie on the very same data: a run may be a part cut out of another one."""

from itertools import combinations

import numpy as np

# The background around two spikes is never the same; filters' edges and a shift by a part of a sample leave this.
SAME_DATA = 0.97
MAX_APART_S = 0.1
N_CHANNELS = 30


def on_common_samples(
    sample: np.ndarray, segments: np.ndarray, run: np.ndarray, sfreq_hz: float
) -> np.ndarray:
    """The samples of marks, where one lies on another run's data as if it were marked in that run.

    Parameters
    ----------
    sample : ndarray of int, (n,)
        Runs one after the other.
    segments : ndarray, (n, n_channels, n_times)
        The mark in the middle.
    run : ndarray of int, (n,)
    sfreq_hz : float

    Returns
    -------
    sample : ndarray of int, (n,)
    """
    common = sample.copy()
    n_times = segments.shape[2]
    furthest = min(round(MAX_APART_S * sfreq_hz), n_times // 4)
    few = segments[:, :: max(1, segments.shape[1] // N_CHANNELS)]
    for first, second in combinations(np.unique(run), 2):
        here, there = np.flatnonzero(run == first), np.flatnonzero(run == second)
        alike = np.full((len(here), len(there)), SAME_DATA)
        lag = np.zeros(alike.shape, int)
        middle = _unit(few[there, :, furthest : n_times - furthest])
        for shift in range(-furthest, furthest + 1):
            cut = few[here, :, furthest + shift : n_times - furthest + shift]
            correlation = _unit(cut) @ middle.T
            nearer = correlation > alike
            alike[nearer], lag[nearer] = correlation[nearer], shift
        found = alike.max(0) > SAME_DATA
        origin = alike.argmax(0)[found]
        common[there[found]] = common[here[origin]] + lag[origin, np.flatnonzero(found)]
    return common


def _unit(segments: np.ndarray) -> np.ndarray:
    """Segments (n, n_channels, n_times) as vectors of length 1, without each channel's mean and size."""
    centred = segments - segments.mean(2, keepdims=True)
    size = np.sqrt((centred**2).mean((0, 2), keepdims=True))
    flat = (centred / np.where(size > 0, size, 1)).reshape(len(segments), -1)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), np.finfo(float).tiny)
