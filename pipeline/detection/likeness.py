"""Whether a peak of the statistic is like a spike of one patch, or like something else that is sharp.

Limits were chosen on `benchmarks/development_recordings.py`, between spikes of neural masses and what is none.
"""

import numpy as np

from pipeline.detection.statistic import SHARP_S, Detector, ricker

# Power of fast activity over its usual one, in the channels that have most of it.
MOST_FAST = 1.6
# What stands out of the noise and is not of the patch, over what is.
MOST_UNEXPLAINED = 2.4
# A single sensor's part over the patch's, and that of a second patch in what the first one leaves,
# without what noise alone gives the best of all patches, over the noise's power in one direction.
MOST_OF_SENSOR, MOST_OF_SECOND, SECOND_OF_NOISE = 0.7, 0.3, 16.0
# Response to waves of two and three times the usual width over that to the usual one: a Gaussian's of
# 7 ms (standard deviation) and one of 23 ms.
WIDE_S, BROAD_S = 0.028, 0.040
LEAST_WIDE, LEAST_BROAD, MOST_BROAD = 0.85, 0.8, 2.75
# Of the neighbours of the same sign at a rhythm's distance, the higher one over the peak.
MOST_NEIGHBOUR, NEIGHBOUR_S = 0.5, (0.08, 0.19)
USUAL_EVERY = 16

FAST, UNEXPLAINED, SENSOR, SECOND, WIDE, BROAD, NEIGHBOUR = range(7)
MOST = {
    FAST: MOST_FAST,
    UNEXPLAINED: MOST_UNEXPLAINED,
    SENSOR: MOST_OF_SENSOR,
    SECOND: MOST_OF_SECOND,
    BROAD: MOST_BROAD,
    NEIGHBOUR: MOST_NEIGHBOUR,
}
LEAST = {WIDE: LEAST_WIDE, BROAD: LEAST_BROAD}


def unlike(traits: np.ndarray) -> np.ndarray:
    """By which of its `traits_of` each peak is unlike a spike of one patch: bool (n_peaks, 7)."""
    found = np.zeros(traits.shape, bool)
    for trait, most in MOST.items():
        found[:, trait] |= traits[:, trait] > most
    for trait, least in LEAST.items():
        found[:, trait] |= traits[:, trait] < least
    return found


def is_vertex_like(traits: np.ndarray) -> np.ndarray:
    """Peaks (n,) that are unlike one patch's spike by nothing but what vertex waves are.

    They are of two patches or broad; so are spikes of both sides and sharp waves.
    """
    reasons = unlike(traits)
    reasons[:, BROAD] = traits[:, BROAD] < LEAST_BROAD
    too_much = (traits[:, SECOND] > MOST_OF_SECOND) | (traits[:, BROAD] > MOST_BROAD)
    return too_much & ~np.delete(reasons, SECOND, axis=1).any(1)


def traits_of(
    white: np.ndarray, samples: np.ndarray, detector: Detector, fast: np.ndarray | None = None
) -> np.ndarray:
    """What is measured of each peak (n_peaks, 7): see the limits above, in the order of the indices.

    Parameters
    ----------
    white : ndarray, (rank, n_times)
        Whitened data.
    samples : ndarray of int, (n_peaks,)
        At least half a second from either end.
    detector : Detector
    fast : ndarray, (n_times,), optional
        Power of fast activity over its usual one; without it no peak is taken for a muscle's.
    """
    sfreq = detector.sfreq_hz
    kernel = ricker(SHARP_S, sfreq)
    usual = _usual(white, kernel)
    sensors = detector.whiten / np.maximum(np.linalg.norm(detector.whiten, axis=0), 1e-30)
    found = np.zeros((len(samples), 7))
    for row, at in zip(found, samples, strict=True):
        sharp = _at(white, at, kernel)
        seen = detector.basis @ sharp
        along = detector.shapes @ seen
        best = int(np.argmax(np.abs(along)))
        field, power = detector.shapes[best], max(float(along[best] ** 2), 1e-30)
        row[UNEXPLAINED] = (sharp @ sharp - power - (len(sharp) - 1) * usual) / power
        row[SENSOR] = ((sensors.T @ sharp) ** 2).max() / power
        second = _second(detector.fields, field, seen)
        row[SECOND] = (second - SECOND_OF_NOISE * usual) / power
        course = np.sign(along[best]) * (field @ detector.basis) @ _around(white, at, sfreq)
        row[WIDE], row[BROAD], row[NEIGHBOUR] = _shape(course, sfreq)
    if fast is not None:
        found[:, FAST] = fast[samples]
    return found


def fast_level(power: np.ndarray) -> np.ndarray:
    """Power (n_times,) of the twentieth of channels with most, over its usual one.

    Parameters
    ----------
    power : ndarray, (n_channels, n_times)
    """
    relative = power / np.maximum(np.median(power, axis=1, keepdims=True), 1e-300)
    n_most = max(1, len(power) // 20)
    level = np.partition(relative, len(power) - n_most, axis=0)[len(power) - n_most]
    return level / max(float(np.median(level)), 1e-300)


def _usual(white: np.ndarray, kernel: np.ndarray) -> float:
    """Power of the sharp waves in one direction, usually."""
    windows = np.lib.stride_tricks.sliding_window_view(white, len(kernel), axis=1)
    sharp = windows[:, ::USUAL_EVERY] @ kernel[::-1]
    return float(np.median((sharp**2).sum(0))) / len(white)


def _at(white: np.ndarray, at: int, kernel: np.ndarray) -> np.ndarray:
    half = len(kernel) // 2
    return white[:, at - half : at + half + 1] @ kernel[::-1]


def _second(fields: np.ndarray, field: np.ndarray, seen: np.ndarray) -> float:
    """Power along the patch that explains most of what the first one leaves."""
    shared = fields @ field
    left = fields @ seen - shared * (field @ seen)
    # Of a field that is nearly the first one's there is no direction left to measure along.
    return float((left**2 / np.maximum(1 - shared**2, 0.2)).max())


def _reach(sfreq: float) -> int:
    return round(NEIGHBOUR_S[1] * sfreq) + int(np.ceil(5 * BROAD_S * sfreq)) + 4


def _around(white: np.ndarray, at: int, sfreq: float) -> np.ndarray:
    reach = _reach(sfreq)
    return white[:, at - reach : at + reach + 1]


def _shape(course: np.ndarray, sfreq: float) -> tuple[float, float, float]:
    """Responses to wide and broad waves over that to sharp ones at an upward peak, and its neighbour."""
    middle = len(course) // 2
    sharp, wide, broad = (
        np.convolve(course, ricker(width_s, sfreq), mode="same")
        for width_s in (SHARP_S, WIDE_S, BROAD_S)
    )
    near = slice(middle - 4, middle + 5)
    height = max(float(sharp[near].max()), 1e-30)
    first, last = (round(s * sfreq) for s in NEIGHBOUR_S)
    before = sharp[middle - last : middle - first + 1].max()
    after = sharp[middle + first : middle + last + 1].max()
    return (
        wide[near].max() / height,
        broad[near].max() / height,
        max(before, after) / max(sharp[middle], 1e-30),
    )
