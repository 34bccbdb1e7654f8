"""A whole recording in blocks: memory does not grow with its length."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.detection.likeness import is_vertex_like, traits_of, unlike
from pipeline.detection.statistic import Detector, peaks, statistic, surrogate, threshold_of

LEAST_NULL_MINUTES = 30.0
# Peaks below are no spikes whatever their like: surrogates reach this several times a minute.
LEAST_HEIGHT = 14.0


@dataclass(frozen=True)
class Detected:
    """What was found in one recording.

    Attributes
    ----------
    time_s : ndarray, (n,)
        From the first sample.
    score : ndarray, (n,)
        The statistic over its threshold: more than 1.
    threshold : float
    expected_false : float
        False ones that the recording's length and the rate asked for let expect.
    null_minutes : float
        Length of the surrogates that the threshold was taken from.
    vertex_like_s : ndarray, (m,)
        Times of what is over the threshold too, and unlike one patch's spike by its width or by a second
        patch alone.
    """

    time_s: np.ndarray
    score: np.ndarray
    threshold: float
    expected_false: float
    null_minutes: float
    vertex_like_s: np.ndarray


def detect(
    block_at: Callable[[int], tuple[np.ndarray, np.ndarray | None]],
    starts_s: np.ndarray,
    margin_s: float,
    detector: Detector,
    false_per_minute: float,
    seed: int,
    advance: Callable[[], None] = lambda: None,
) -> Detected:
    """Look for spikes in blocks: peaks of the statistic that are like a spike of one patch.

    The surrogates' peaks are chosen alike.

    Parameters
    ----------
    block_at : callable
        From a block's number to its data (n_channels, n_times) in the pass band, with `margin_s` on
        either side, and the power of fast activity (n_times,) over its usual one, None where not known.
    starts_s : ndarray, (n_blocks,)
        Where each block's data begin, margin and all.
    margin_s : float
    detector : Detector
    false_per_minute : float
    seed : int
    advance : callable
        Called after each block.
    """
    rng = np.random.default_rng(seed)
    sfreq, margin = detector.sfreq_hz, round(margin_s * detector.sfreq_hz)
    time_s, height, null = [], [], []
    is_like, is_vertex = [], []
    minutes = null_minutes = 0.0
    n_times = [0] * len(starts_s)
    repeats = 1
    for index, start_s in enumerate(starts_s):
        block, fast = block_at(index)
        white = (detector.whiten @ block).astype(np.float32)
        n_times[index] = white.shape[1] - 2 * margin
        block_minutes = n_times[index] / sfreq / 60
        if index == 0:  # blocks are alike in length: short recordings draw more often
            repeats = int(np.ceil(LEAST_NULL_MINUTES / (block_minutes * len(starts_s))))
        samples, values = _inner_peaks(statistic(white, detector), margin, sfreq)
        time_s.append(start_s + samples / sfreq)
        height.append(values)
        traits = traits_of(white, samples, detector, fast)
        is_like.append(~unlike(traits).any(1))
        is_vertex.append(is_vertex_like(traits))
        minutes += block_minutes
        for _ in range(repeats):
            drawn = surrogate(white, rng)
            samples, values = _inner_peaks(statistic(drawn, detector), margin, sfreq)
            null.append(values[~unlike(traits_of(drawn, samples, detector)).any(1)])
            null_minutes += block_minutes
        advance()
    threshold = threshold_of(
        np.append(np.concatenate(null), LEAST_HEIGHT), null_minutes, false_per_minute
    )
    times, heights = np.concatenate(time_s), np.concatenate(height)
    is_over = heights > threshold
    is_spike = is_over & np.concatenate(is_like)
    return Detected(
        time_s=times[is_spike],
        score=heights[is_spike] / threshold,
        threshold=threshold,
        expected_false=false_per_minute * minutes,
        null_minutes=null_minutes,
        vertex_like_s=times[is_over & np.concatenate(is_vertex)],
    )


def _inner_peaks(values: np.ndarray, margin: int, sfreq: float) -> tuple[np.ndarray, np.ndarray]:
    samples, heights = peaks(values, sfreq)
    inner = (samples >= margin) & (samples < len(values) - margin) & (heights > LEAST_HEIGHT)
    return samples[inner], heights[inner]
