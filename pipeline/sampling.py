"""The rate at which networks, and methods that are slow, see an average."""

import numpy as np

NETWORK_SFREQ_HZ = 125.0


def samples_through_peak(times_s: np.ndarray, sfreq_hz: float) -> tuple[int, np.ndarray]:
    """The first sample to keep so that every nth sample from it, at 125 Hz, meets t = 0.

    Returns
    -------
    start : int
    kept_times_s : ndarray
    """
    step = max(1, round(sfreq_hz / NETWORK_SFREQ_HZ))
    start = int(np.abs(times_s).argmin()) % step
    return start, times_s[start::step]
