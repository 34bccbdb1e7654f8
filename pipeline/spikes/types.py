"""Types of spikes: which of the marked spikes have one source, told by their fields and courses.

Averaging spikes of two foci shows a third place, and judging all by one average throws the smaller
population away. Pure functions on whitened data, polarity counting. How often one focus is taken
for two, and two for one, is measured by ``python -m benchmarks.foci``.
"""

import numpy as np

from pipeline.spikes.selection import cut

N_COMPONENTS = 8
# Nearer courses are compared at every lag up to this.
MAX_LAG_S = 0.024
N_REFINEMENTS = 6
MIN_MARKS = 5
"""A type has at least so many marks; fewer could be any other transient."""
MAX_LIKENESS = 0.4
"""Averages that are less alike than this, noise set aside, come from different sources (tuned on
the calibration heads of ``benchmarks.foci`` alone) if they also are less alike than the halves of
`N_SURROGATES` groups of one source amid this recording's own noise."""
N_SURROGATES = 60
MIN_POWER_RATIO = 2.0
"""Power of a type's average over that of the noise left in it."""
ANALYSIS_HZ = 250.0
# Nearer to the middle than this, the strongest sensors are on neither side.
MIDDLE_MM = 10.0


def spike_types(
    segments: np.ndarray,
    baseline: np.ndarray,
    max_shift: np.ndarray,
    half_width: int,
    sfreq_hz: float,
) -> np.ndarray:
    """Sort marked spikes into types, by bisection for as long as the two averages differ.

    Parameters
    ----------
    segments : ndarray, (n_spikes, n_ch, n_t)
        Whitened, the mark in the middle (sample ``n_t // 2``).
    baseline : ndarray, (n_baseline, n_ch, n_t)
        Spike-free segments, whitened the same way, longer than the window: what noise does.
    max_shift : ndarray of int, (n_spikes,)
        Samples that a spike's peak may lie from its mark.
    half_width : int
        Half of the window, in samples, in which spikes are compared.
    sfreq_hz : float

    Returns
    -------
    type : ndarray of int, (n_spikes,)
        From 1; the type with most marks comes first.
    """
    step = max(1, int(sfreq_hz / ANALYSIS_HZ))
    middle = segments.shape[2] // 2
    segments, baseline = segments[:, :, middle % step :: step], baseline[:, :, ::step]
    segments = segments[:, :, : 2 * (middle // step) + 1]
    max_shift, max_lag = max_shift // step, round(MAX_LAG_S * sfreq_hz / step)
    reach = half_width // step + max_lag
    basis = _leading_components(segments, reach)
    windows = _peaks(basis @ segments, max_shift, reach)
    groups = _bisected(windows, basis @ baseline, max_shift, np.arange(len(segments)), max_lag)
    types = np.empty(len(segments), int)
    for number, group in enumerate(sorted(groups, key=lambda g: (-len(g), g[0])), 1):
        types[group] = number
    return types


def strongest_side(
    segments: np.ndarray, baseline: np.ndarray, half_width: int, right_mm: np.ndarray
) -> str:
    """On which side of the head the sensors see most: "left", "right" or "both sides".

    Parameters
    ----------
    segments : ndarray, (n_spikes, n_ch, n_t)
        Of one type, not whitened, the mark in the middle.
    baseline : ndarray, (n_baseline, n_ch, n_t)
    half_width : int
        Samples around the mark that are looked at.
    right_mm : ndarray, (n_ch,)
        How far each sensor lies to the right of the head's middle.
    """
    middle = segments.shape[2] // 2
    near = segments[:, :, middle - half_width : middle + half_width + 1]
    excess = np.mean(near**2, axis=(0, 2)) / np.mean(baseline**2, axis=(0, 2)) - 1
    weight = np.maximum(excess, 0) ** 2
    if not weight.any():
        return "both sides"
    centre_mm = float(weight @ right_mm / weight.sum())
    return "both sides" if abs(centre_mm) < MIDDLE_MM else "right" if centre_mm > 0 else "left"


def _leading_components(segments: np.ndarray, half_width: int) -> np.ndarray:
    """Topographies (r, n_ch) with most power around the marks, each mark weighing the same."""
    centre = segments.shape[2] // 2
    near = segments[:, :, centre - half_width : centre + half_width + 1]
    flat = near / np.linalg.norm(near, axis=(1, 2), keepdims=True)
    power = np.einsum("nit,njt->ij", flat, flat, optimize=True)
    return np.linalg.eigh(power)[1][:, -N_COMPONENTS:].T


def _peaks(segments: np.ndarray, max_shift: np.ndarray, half_width: int) -> np.ndarray:
    """Windows (n, r, length) around each segment's largest power."""
    time = np.arange(segments.shape[2]) - segments.shape[2] // 2
    strength = np.sum(segments**2, axis=1)
    strength = np.where(np.abs(time) <= max_shift[:, np.newaxis], strength, -1)
    return cut(segments, np.argmax(strength, axis=1) - half_width, 2 * half_width + 1)


def _bisected(
    windows: np.ndarray,
    baseline: np.ndarray,
    max_shift: np.ndarray,
    members: np.ndarray,
    max_lag: int,
) -> list[np.ndarray]:
    if len(members) < 2 * MIN_MARKS:
        return [members]
    second, likeness = _halves(windows[members], max_lag)
    if likeness > MAX_LIKENESS:
        return [members]
    halves = sorted((members[~second], members[second]), key=len)
    one_source = _average(windows[halves[1]], max_lag)
    rng = np.random.default_rng(0)
    for _ in range(N_SURROGATES):
        surrogate = _amid_noise(rng, one_source, baseline, max_shift[members])
        if _halves(surrogate, max_lag)[1] <= likeness:
            return [members]
    return [
        group for half in halves for group in _bisected(windows, baseline, max_shift, half, max_lag)
    ]


def _amid_noise(rng, source: np.ndarray, baseline: np.ndarray, max_shift: np.ndarray) -> np.ndarray:
    """A source (r, length) in spike-free segments, cut out around its peak as spikes are."""
    most, length = int(max_shift.max()), source.shape[1]
    chosen = baseline[rng.integers(len(baseline), size=len(max_shift))]
    latest = baseline.shape[2] - length - 2 * most
    noise = cut(chosen, rng.integers(latest + 1, size=len(max_shift)), length + 2 * most)
    amid = noise + np.pad(source, ((0, 0), (most, most)))
    return _peaks(amid, max_shift, length // 2)


def _halves(windows: np.ndarray, max_lag: int) -> tuple[np.ndarray, float]:
    """Which windows belong to the second of two groups, and how alike the groups' averages are."""
    second = _second_group(windows, max_lag)
    if min(second.sum(), (~second).sum()) < MIN_MARKS:
        return second, 1.0
    return second, _likeness(windows[~second], windows[second], max_lag)


def _second_group(windows: np.ndarray, max_lag: int) -> np.ndarray:
    """Which windows (n,) resemble the second of two averages more, from a spectral start."""
    alike = np.max(
        [_correlations(windows, windows, lag, max_lag) for lag in _lags(max_lag)], axis=0
    )
    alike = np.maximum(alike, alike.T)
    centred = alike - alike.mean(axis=0) - alike.mean(axis=1)[:, np.newaxis] + alike.mean()
    second = np.linalg.eigh(centred)[1][:, -1] > 0
    for _ in range(N_REFINEMENTS):
        if second.all() or not second.any():
            break
        averages = np.stack([_average(windows[side], max_lag) for side in (~second, second)])
        fits = np.max(
            [_correlations(windows, averages, lag, max_lag) for lag in _lags(max_lag)], axis=0
        )
        changed = fits[:, 1] > fits[:, 0]
        if (changed == second).all():
            break
        second = changed
    return second


def _lags(max_lag: int) -> range:
    return range(-max_lag, max_lag + 1)


def _inner(windows: np.ndarray, lag: int, max_lag: int) -> np.ndarray:
    """The part (n, r * length) of windows (n, r, length + 2 max_lag) that lies at a lag."""
    length = windows.shape[2] - 2 * max_lag
    start = max_lag + lag
    return windows[:, :, start : start + length].reshape(len(windows), -1)


def _correlations(windows, others, lag: int, max_lag: int) -> np.ndarray:
    """Correlation (n, m) of windows at a lag with others at none."""
    first, second = _inner(windows, lag, max_lag), _inner(others, 0, max_lag)
    first = first / np.linalg.norm(first, axis=1, keepdims=True)
    return first @ (second / np.linalg.norm(second, axis=1, keepdims=True)).T


def _aligned(windows: np.ndarray, max_lag: int) -> np.ndarray:
    """Windows shifted to their own average; what comes in from outside is zero."""
    shifted = windows
    for _ in range(2):
        average = shifted.mean(axis=0, keepdims=True)
        fits = [_correlations(windows, average, lag, max_lag)[:, 0] for lag in _lags(max_lag)]
        lag = np.argmax(fits, axis=0) - max_lag
        padded = np.pad(windows, ((0, 0), (0, 0), (max_lag, max_lag)))
        shifted = cut(padded, max_lag + lag, windows.shape[2])
    return shifted


def _average(windows: np.ndarray, max_lag: int) -> np.ndarray:
    return _aligned(windows, max_lag).mean(axis=0)


def _likeness(first: np.ndarray, second: np.ndarray, max_lag: int) -> float:
    """Correlation of two groups' averages, with the noise in each taken off its energy."""
    averages, energies = [], []
    for group in (first, second):
        aligned = _aligned(group, max_lag)
        even = aligned[: len(aligned) // 2 * 2]
        noise = _inner((even[::2] - even[1::2]).sum(axis=0)[np.newaxis] / len(even), 0, max_lag)
        average = aligned.mean(axis=0, keepdims=True)
        averages.append(average)
        energies.append(np.sum(_inner(average, 0, max_lag) ** 2) - np.sum(noise**2))
        if energies[-1] < (MIN_POWER_RATIO - 1) * np.sum(noise**2):
            return 1.0
    products = [
        _inner(averages[0], lag, max_lag) @ _inner(averages[1], 0, max_lag).T
        for lag in _lags(max_lag)
    ]
    return float(np.max(products) / np.sqrt(energies[0] * energies[1]))
