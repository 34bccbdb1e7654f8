"""Aligning spikes to their own average and judging which of them belong to it.

Pure functions on whitened data, so that magnetometers and gradiometers count by their noise.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.linalg import eigh

N_ITERATIONS = 4
# The median, from which the template starts, is a quarter noisier than the mean.
NOISE_MARGIN = 1.3
MAX_COMPONENTS = 5
NULL_QUANTILE = 0.99
MAX_RESIDUAL_RATIO = 3.0
# The longest sharp wave (IFCN's glossary, Kane et al. 2017: spikes take 20 to 70 ms, sharp waves
# 70 to 200 ms): aligned peaks nearer than this belong to one.
SPIKE_LENGTH_S = 0.2
DUPLICATE = "duplicate of another mark"
UNLIKE = "does not resemble the average"
TOO_FAR = "peak too far from its mark"
OTHER_TYPE = "of another type of spikes"


@dataclass(frozen=True)
class Selection:
    """The judgement on each spike.

    Attributes
    ----------
    shift : ndarray of int, (n_spikes,)
        Samples from the annotation to the spike's peak.
    correlation : ndarray, (n_spikes,)
        With the average of the other accepted spikes, over space and time, in the average's
        leading spatial components.
    channel_correlation : ndarray, (n_spikes,)
        The same over all whitened channels, noise included.
    amplitude_ratio : ndarray, (n_spikes,)
        Least-squares amplitude relative to that average.
    reasons : list of str
        Empty for accepted spikes.
    smallest_amplitude : float
        The larger of the configured minimum and what spike-free data reach by chance (their
        99th percentile): the amplitude is a matched filter's output, so that a chance
        likeness of shape, which is frequent, is still told from a spike.
    """

    shift: np.ndarray
    correlation: np.ndarray
    channel_correlation: np.ndarray
    amplitude_ratio: np.ndarray
    reasons: list[str]
    smallest_amplitude: float

    @property
    def accepted(self) -> np.ndarray:
        return np.array([reason == "" for reason in self.reasons])


def among_all(selection: Selection, chosen: np.ndarray) -> Selection:
    """The judgement on `chosen` (n_all,) of all spikes; the others are `OTHER_TYPE`, unmeasured."""

    def spread(values: np.ndarray, rest) -> np.ndarray:
        all_values = np.full(len(chosen), rest, values.dtype)
        all_values[chosen] = values
        return all_values

    judged = iter(selection.reasons)
    return Selection(
        spread(selection.shift, 0),
        spread(selection.correlation, np.nan),
        spread(selection.channel_correlation, np.nan),
        spread(selection.amplitude_ratio, np.nan),
        [next(judged) if taken else OTHER_TYPE for taken in chosen],
        selection.smallest_amplitude,
    )


def cut(segments: np.ndarray, start: np.ndarray, length: int) -> np.ndarray:
    """(n, n_ch, n_t) to (n, n_ch, length), each from its own start."""
    parts = np.empty((len(segments), segments.shape[1], length), segments.dtype)
    for part, segment, first in zip(parts, segments, start, strict=True):
        part[:] = segment[:, first : first + length]
    return parts


def leading_topography(windows: np.ndarray) -> np.ndarray:
    """Topography (n_ch,) with most power over all windows (n, n_ch, n_t), each weighing the same.

    It needs no alignment, and a few windows with another content hardly change it.
    """
    flat = windows / np.linalg.norm(windows, axis=(1, 2), keepdims=True)
    covariance = np.einsum("nit,njt->ij", flat, flat, optimize=True)
    last = len(covariance) - 1
    return eigh(covariance, subset_by_index=[last, last])[1][:, 0]


def first_shifts(course: np.ndarray, centre: int, max_shift: np.ndarray) -> np.ndarray:
    """Shift of each time course (n, n_t) to its largest peak of the common polarity."""
    windows = [row[centre - m : centre + m + 1] for row, m in zip(course, max_shift, strict=True)]
    polarity = np.median([w.max() for w in windows]) >= np.median([-w.min() for w in windows])
    sign = 1 if polarity else -1
    return np.array([np.argmax(sign * w) for w in windows]) - max_shift


def spatial_basis(template: np.ndarray, spikes: np.ndarray) -> np.ndarray:
    """Spatial components of a template that stand above its noise.

    The noise is what is left when the spikes are averaged with alternating signs. A component
    below it would be fitted to the very spikes that are then judged by it.

    Parameters
    ----------
    template : ndarray, (n_ch, n_t)
    spikes : ndarray, (n_spikes, n_ch, n_t)
        The aligned spikes that it comes from.

    Returns
    -------
    basis : ndarray, (r, n_ch)
        Orthonormal rows, 1 to `MAX_COMPONENTS`.
    """
    u, strength, _ = np.linalg.svd(template, full_matrices=False)
    even = spikes[: len(spikes) // 2 * 2]
    noise = (even[::2].sum(axis=0) - even[1::2].sum(axis=0)) / max(len(even), 1)
    floor = NOISE_MARGIN * np.linalg.norm(noise, ord=2)
    rank = int(np.clip(np.sum(strength > floor), 1, MAX_COMPONENTS))
    return u[:, :rank].T


def match(
    segment: np.ndarray, template: np.ndarray, centre: int, max_shift: int
) -> tuple[int, float, float]:
    """Best position of a template in a segment.

    Parameters
    ----------
    segment : ndarray, (r, n_t)
    template : ndarray, (r, length)
    centre : int
        Sample of the segment on which the template's middle lies at shift 0.
    max_shift : int
        Shifts tried, in samples, to both sides.

    Returns
    -------
    shift, correlation, amplitude_ratio
    """
    length = template.shape[1]
    start = centre - length // 2 - max_shift
    part = segment[:, start : start + length + 2 * max_shift]
    windows = sliding_window_view(part, length, axis=1)
    # Searching for the best order of so few operations takes longer than they do.
    product = np.einsum("rst,rt->s", windows, template)
    power = np.einsum("rst,rst->s", windows, windows)
    energy = np.sum(template**2)
    correlation = product / np.sqrt(np.maximum(power * energy, np.finfo(float).tiny))
    best = int(np.argmax(correlation))
    return best - max_shift, float(correlation[best]), float(product[best] / energy)


def select_spikes(
    segments: np.ndarray,
    baseline: np.ndarray,
    max_shift: np.ndarray,
    half_width: int,
    min_correlation: float,
    amplitude_range: tuple[float, float],
    mark: np.ndarray | None = None,
    spike_length: int = 0,
) -> Selection:
    """Align spikes to their own average, and reject those that do not fit it.

    The average starts from the median of the spikes aligned to the peak of their leading
    topography, and is improved `N_ITERATIONS` times: match, judge, average the accepted. A
    spike is judged by the average of the others, never by one that holds itself. The average's
    peak is brought to its middle before each match, so that no spike moves by more than
    `max_shift` in all. Of several marks of one spike the one nearest to the peak counts.

    Parameters
    ----------
    segments : ndarray, (n_spikes, n_ch, n_t)
        Whitened, the annotation in the middle (sample ``n_t // 2``).
    baseline : ndarray, (n_baseline, n_ch, n_t)
        Spike-free segments, whitened the same way: what chance reaches.
    max_shift : ndarray of int, (n_spikes,)
    half_width : int
        Half of the window in which spikes are compared.
    min_correlation : float
    amplitude_range : tuple of float
    mark : ndarray of int, (n_spikes,)
        Sample of each annotation; None where none can be another mark of the same spike.
    spike_length : int
        Samples; peaks nearer to each other are one spike's.
    """
    n_times = segments.shape[2]
    centre, length = n_times // 2, 2 * half_width + 1
    topography = leading_topography(segments[:, :, centre - half_width : centre + half_width + 1])
    course = topography @ segments
    shift = first_shifts(course, centre, max_shift)
    accepted = np.ones(len(segments), bool)
    reach = min(int(np.median(max_shift)), half_width)
    for iteration in range(N_ITERATIONS):
        aligned = cut(segments, centre + shift - half_width, length)
        average = np.median if iteration == 0 else np.mean
        off_centre = _peak_offset(average(aligned[accepted], axis=0), reach)
        aligned = cut(segments, centre + shift + off_centre - half_width, length)
        kept = aligned[accepted]
        template = average(kept, axis=0)
        basis = spatial_basis(template, kept)
        projected = basis @ segments
        references = _references(basis @ template, basis @ aligned, accepted, iteration > 0)
        found = [
            match(projected[i], references[i], centre, max_shift[i]) for i in range(len(segments))
        ]
        shift, correlation, amplitude = (np.array(part) for part in zip(*found, strict=True))
        chance = [match(basis @ rest, basis @ template, centre, reach)[2] for rest in baseline]
        by_chance = float(np.quantile(chance, NULL_QUANTILE)) if chance else 0.0
        smallest = max(amplitude_range[0], by_chance)
        residual = _residual(
            cut(segments, centre + shift - half_width, length), template, amplitude
        )
        reasons = _judge(
            correlation, amplitude, residual, min_correlation, (smallest, amplitude_range[1])
        )
        if mark is not None:
            reasons = name_duplicates(reasons, mark + shift, np.abs(shift), spike_length)
        accepted = np.array([reason == "" for reason in reasons])
        if not accepted.any():
            break
    if accepted.any():
        aligned = cut(segments, centre + shift - half_width, length)
        shift = shift + _peak_offset(aligned[accepted].mean(axis=0), reach)
    reasons = [
        TOO_FAR if not reason and abs(moved) > most else reason
        for reason, moved, most in zip(reasons, shift, max_shift, strict=True)
    ]
    accepted = np.array([reason == "" for reason in reasons])
    over_channels = _channel_correlation(segments, centre + shift - half_width, length, accepted)
    return Selection(shift, correlation, over_channels, amplitude, reasons, smallest)


def _channel_correlation(segments, start, length: int, accepted) -> np.ndarray:
    """Correlation (n_spikes,) with the average of the other accepted spikes, over all channels."""
    if not accepted.any():
        return np.zeros(len(segments))
    aligned = cut(segments, start, length)
    others = _references(aligned[accepted].mean(axis=0), aligned, accepted, True)
    pairs = zip(aligned, others, strict=True)
    return np.array([np.corrcoef(spike.ravel(), other.ravel())[0, 1] for spike, other in pairs])


def name_duplicates(
    reasons: list[str], peak: np.ndarray, distance: np.ndarray, spike_length: int
) -> list[str]:
    """Reasons, with `DUPLICATE` for every mark whose peak is that of an accepted spike.

    Parameters
    ----------
    reasons : list of str
        Empty for accepted spikes.
    peak : ndarray of int, (n_spikes,)
        Samples.
    distance : ndarray, (n_spikes,)
        Of the mark from the peak; of two marks of a spike the nearer one stays.
    spike_length : int
        Samples.
    """
    named = list(reasons)
    for chosen in np.argsort(distance, kind="stable"):
        if named[chosen]:
            continue
        for other in np.flatnonzero(np.abs(peak - peak[chosen]) < spike_length):
            if other != chosen:
                named[other] = DUPLICATE
    return named


def _peak_offset(average: np.ndarray, reach: int) -> int:
    """Samples from the middle of an average (n_ch, n_t) to its strongest within `reach`."""
    middle = average.shape[1] // 2
    power = np.sum(average**2, axis=0)[middle - reach : middle + reach + 1]
    return int(np.argmax(power)) - reach


def _references(template, aligned, accepted, leave_one_out: bool) -> list[np.ndarray]:
    """What each spike is compared with: the template, or the mean of the other accepted spikes."""
    n_accepted = int(accepted.sum())
    if not leave_one_out or n_accepted < 2:
        return [template] * len(aligned)
    total = aligned[accepted].sum(axis=0)
    return [
        (total - spike) / (n_accepted - 1) if taken else template
        for spike, taken in zip(aligned, accepted, strict=True)
    ]


def _residual(aligned: np.ndarray, template: np.ndarray, amplitude: np.ndarray) -> np.ndarray:
    """Mean power that each spike has beside its share of the template."""
    rest = aligned - amplitude[:, np.newaxis, np.newaxis] * template
    return np.mean(rest**2, axis=(1, 2))


def _judge(correlation, amplitude, residual, min_correlation, amplitude_range) -> list[str]:
    usual = np.median(residual)
    low, high = amplitude_range
    reasons = []
    for c, a, r in zip(correlation, amplitude, residual, strict=True):
        if c < min_correlation:
            reasons.append(f"{UNLIKE} (correlation {c:.2f} < {min_correlation:.2f})")
        elif a < low:
            reasons.append(f"too small ({a:.2f} < {low:.2f} of the average)")
        elif a > high:
            reasons.append(f"too large ({a:.2f} > {high:.2f} times the average)")
        elif r > MAX_RESIDUAL_RATIO * usual:
            reasons.append(
                f"other activity on top ({r / usual:.1f} times the usual residual power)"
            )
        else:
            reasons.append("")
    return reasons
