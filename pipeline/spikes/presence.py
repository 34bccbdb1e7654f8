"""Nothing there? An average of marks against averages of as many spike-free epochs.

Epochs without any spike that are aligned to their common course and kept where they resemble it
have an average that stands out of its noise, by several decibels where the background is rhythmic:
no fixed limit tells it from a source's. So the same is done to spike-free epochs of the same
recording, many times (a randomisation test that ends as soon as it is lost, Besag and Clifford
1991), and only an average that stands out further than all of theirs is taken for one of spikes.
Pure functions on whitened data; the errors of both kinds are measured by
``python -m benchmarks.certainty nothing``.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.records.spikes_qc import PresenceQC
from pipeline.spikes.config import Config
from pipeline.spikes.noise import PEAK_HALF_WIDTH_S
from pipeline.spikes.selection import cut, select_spikes
from pipeline.whitening import powers, snr_db

N_DRAWS = 49
ANALYSIS_HZ = 125.0
# What chance likeness reaches is judged by so many windows; more take time and tell no more.
MAX_CHANCE_WINDOWS = 40


@dataclass(frozen=True)
class Rules:
    """How spikes are aligned and selected; samples of the data that they are applied to.

    Attributes
    ----------
    half_width : int
        Half of the window in which spikes are compared.
    min_correlation : float
    amplitude_range : tuple of float
    sfreq_hz : float
    """

    half_width: int
    min_correlation: float
    amplitude_range: tuple[float, float]
    sfreq_hz: float


def presence_of_type(
    segments: np.ndarray,
    of_type: np.ndarray,
    baseline: np.ndarray,
    max_shift: np.ndarray,
    matrix: np.ndarray,
    sfreq_hz: float,
    config: Config,
) -> PresenceQC:
    """`judge_presence` of the marks `of_type` (n,) among segments (n, n_channels, n_times).

    Only what it looks at is whitened, by `matrix`.
    """
    step = max(1, int(sfreq_hz / ANALYSIS_HZ))
    half_width = round(config.template_half_width_s * sfreq_hz)
    # A multiple of the step, so that the mark stays in the middle.
    reach = -(-(half_width + 2 * int(max_shift.max()) + 1) // step) * step + step
    middle = segments.shape[2] // 2
    near = segments[of_type][:, :, middle - reach : middle + reach + 1 : step]
    rules = Rules(
        half_width=half_width // step,
        min_correlation=config.min_correlation,
        amplitude_range=(config.min_amplitude_ratio, config.max_amplitude_ratio),
        sfreq_hz=sfreq_hz / step,
    )
    return judge_presence(
        matrix @ near,
        matrix @ baseline[:, :, ::step],
        max_shift[of_type] // step,
        rules,
    )


def judge_presence(
    segments: np.ndarray,
    baseline: np.ndarray,
    max_shift: np.ndarray,
    rules: Rules,
    n_draws: int = N_DRAWS,
    seed: int = 0,
) -> PresenceQC:
    """Compare the average of marks with averages of as many spike-free epochs.

    Parameters
    ----------
    segments : ndarray, (n_spikes, n_ch, n_t)
        Of one type, whitened, the mark in the middle (sample ``n_t // 2``); at the rate of `rules`,
        of which more than `ANALYSIS_HZ` takes time and tells no more.
    baseline : ndarray, (n_windows, n_ch, n_t)
        Spike-free, whitened the same way.
    max_shift : ndarray of int, (n_spikes,)
        Samples that a spike's peak may lie from its mark.
    rules : Rules
    n_draws : int
    seed : int
    """
    reach = rules.half_width + 2 * int(max_shift.max()) + 1
    middle = segments.shape[2] // 2
    near = segments[:, :, middle - reach : middle + reach + 1].astype(np.float32)
    free = baseline.astype(np.float32)
    chance = free[:: max(1, len(free) // MAX_CHANCE_WINDOWS)]
    reached = _stands_out_db(near, chance, max_shift, rules)
    rng = np.random.default_rng(seed)
    drawn = [-np.inf]
    while len(drawn) <= n_draws and max(drawn) < reached:
        epochs = _spike_free(rng, free, len(near), reach)
        drawn.append(_stands_out_db(epochs, chance, max_shift, rules))
    n_drawn = len(drawn) - 1
    n_reached = sum(each >= reached for each in drawn[1:])
    return PresenceQC(
        snr_db=_if_finite(reached),
        chance_db=_if_finite(max(drawn)),
        p=float((1 + n_reached) / (1 + n_drawn)),
        n_draws=n_drawn,
    )


def _if_finite(value_db: float) -> float | None:
    return value_db if np.isfinite(value_db) else None


def _stands_out_db(segments, chance, max_shift, rules: Rules) -> float:
    """SNR of the average of the segments (n, n_ch, n_t) that are selected; minus infinity of none."""
    selection = select_spikes(
        segments,
        chance,
        max_shift,
        rules.half_width,
        rules.min_correlation,
        rules.amplitude_range,
    )
    chosen = selection.accepted
    if chosen.sum() < 2:
        return -np.inf
    reach = round(PEAK_HALF_WIDTH_S * rules.sfreq_hz)
    start = segments.shape[2] // 2 + selection.shift[chosen] - reach
    peaks = cut(segments[chosen], start, 2 * reach + 1)
    # Of few windows one may be drawn twice: its copies agree, and show nothing of chance.
    return snr_db(peaks) if powers(peaks)[1] > 0 else -np.inf


def _spike_free(rng, free: np.ndarray, n: int, reach: int) -> np.ndarray:
    """`n` epochs (n, n_ch, 2 reach + 1) at random places in random windows, none twice if it can be."""
    rounds = -(-n // len(free))
    window = np.concatenate([rng.permutation(len(free)) for _ in range(rounds)])[:n]
    start = rng.integers(free.shape[2] - 2 * reach, size=n)
    return cut(free[window], start, 2 * reach + 1)
