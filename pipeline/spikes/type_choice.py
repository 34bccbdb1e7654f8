"""The types among the marked spikes: which mark is of which, which are imaged, what is told of them."""

from collections import Counter

import mne
import numpy as np
from mne.transforms import apply_trans

from pipeline.doubts import Doubt
from pipeline.records.spikes_qc import SpikeTypeQC
from pipeline.spikes.averages import Marks, TypeAverage
from pipeline.spikes.config import Config
from pipeline.spikes.selection import SPIKE_LENGTH_S
from pipeline.spikes.types import MAX_LAG_S, spike_types, strongest_side

# What noise does is drawn from so many windows of a second; more take memory and tell no more.
MAX_BASELINE_WINDOWS = 100


def sort_marks(
    marks: Marks, baseline: np.ndarray, matrix: np.ndarray, sfreq_hz: float, config: Config
) -> np.ndarray:
    """Type of each marked spike (n,), from 1, in data whitened by `matrix`.

    Of marks nearer to each other than a spike's length the one with the largest peak is looked at,
    and the others are of its type: they may be marks of one spike, seen from its flank.
    """
    if not len(marks):
        return np.empty(0, int)
    middle = marks.segments.shape[2] // 2
    beside = int(marks.max_shift.max()) + int(np.ceil(MAX_LAG_S * sfreq_hz)) + 1
    half_width = min(round(config.template_half_width_s * sfreq_hz), middle - beside)
    reach = half_width + beside
    near = marks.segments[:, :, middle - reach : middle + reach + 1]
    white = matrix @ near
    spike = marks_of_spikes(marks.sample, round(SPIKE_LENGTH_S * sfreq_hz))
    largest = _largest_of_each(spike, _peak_power(white, marks.max_shift))
    some = baseline[:: max(1, len(baseline) // MAX_BASELINE_WINDOWS)]
    types = spike_types(
        white[largest],
        matrix @ some,
        marks.max_shift[largest],
        half_width,
        sfreq_hz,
    )
    return types[spike]


def marks_of_spikes(mark: np.ndarray, spike_length: int) -> np.ndarray:
    """Number, from 0, of the spike that each mark (n,) may belong to; marks in samples."""
    order = np.argsort(mark, kind="stable")
    spike = np.empty(len(mark), int)
    spike[order] = np.cumsum(np.diff(mark[order], prepend=mark[order[0]]) >= spike_length)
    return spike


def _peak_power(white: np.ndarray, max_shift: np.ndarray) -> np.ndarray:
    """Largest power (n,) within reach of each mark, over all whitened channels."""
    middle = white.shape[2] // 2
    power = np.sum(white**2, axis=1)
    return np.array(
        [
            row[middle - reach : middle + reach + 1].max()
            for row, reach in zip(power, max_shift, strict=True)
        ]
    )


def _largest_of_each(spike: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Index of the mark with most power of each spike."""
    order = np.lexsort((-power, spike))
    return order[np.unique(spike[order], return_index=True)[1]]


def describe_types(
    types: np.ndarray,
    marks: Marks,
    baseline: np.ndarray,
    info: mne.Info,
    minutes: float,
    config: Config,
) -> tuple[SpikeTypeQC, ...]:
    """How many marks each type has, how often, under which labels, and on which side of the head.

    None of them is averaged or imaged yet.
    """
    half_width = round(config.template_half_width_s * info["sfreq"])
    pos_device_m = np.array([channel["loc"][:3] for channel in info["chs"]])
    # Head coordinates point to the right along x.
    right_mm = 1000 * apply_trans(info["dev_head_t"], pos_device_m)[:, 0]
    labels = np.array(marks.label, object)
    return tuple(
        SpikeTypeQC(
            number=int(number),
            n_marks=int(n_marks),
            n_used=0,
            labels=dict(Counter(labels[types == number]).most_common()),
            share_of_marks=round(float(n_marks / len(types)), 4),
            per_minute=round(float(n_marks / minutes), 3),
            strongest_on=strongest_side(
                marks.segments[types == number], baseline, half_width, right_mm
            ),
            snr_db=None,
            imaged=False,
            reason=None,
        )
        for number, n_marks in zip(*np.unique(types, return_counts=True), strict=True)
    )


def reason_not_to_image(average: TypeAverage, config: Config) -> str | None:
    """Why a type of spikes has no image; None where it has one."""
    if average.n_used < config.min_spikes:
        return (
            f"{average.n_used} of {average.n_marks} fit their own average, and "
            f"{config.min_spikes} are needed"
        )
    assert average.quality is not None  # there is one of two spikes and more
    if average.quality.snr_db < config.min_snr_db:
        return (
            f"the average does not stand out of its noise (SNR {average.quality.snr_db:.1f} dB, and "
            f"{config.min_snr_db:g} dB are needed)"
        )
    presence = average.presence
    if presence is not None and not presence.found:
        if presence.snr_db is None:
            return (
                "its marks hardly resemble each other, and have no average to be told from chance"
            )
        return (
            "its marks have no source that can be told from chance: an average of as many spike-free "
            f"epochs reaches {presence.chance_db:.1f} dB, that of the marks {presence.snr_db:.1f} dB"
        )
    return None


def doubts_of_types(types: tuple[SpikeTypeQC, ...], pooled: bool) -> tuple[Doubt, ...]:
    """What page one must tell where the marks have more than one source.

    Parameters
    ----------
    types : tuple of SpikeTypeQC
        As the fields tell them apart.
    pooled : bool
        Whether the marks of all of them are averaged together.
    """
    if len(types) < 2:
        return ()
    told = "; ".join(
        f"type {each.number} ({each.n_marks} marks, {each.share_of_marks:.0%}, strongest over "
        f"{_over(each.strongest_on)})"
        for each in types
    )
    begin = f"The marked spikes are of {len(types)} types with different fields"
    if pooled:
        text = (
            f"{begin}, averaged into one as pool_types asks: {told}. Their average need not have a "
            "source where it is imaged"
        )
        return (Doubt(text, grave=True),)
    return (Doubt(f"{begin}, each looked at on its own: {told}"),)


def doubts_of_each(types: tuple[SpikeTypeQC, ...]) -> tuple[Doubt, ...]:
    """What page one must tell of single types: not imaged, or under labels of several kinds."""
    doubts = []
    for each in types:
        if not each.imaged and len(types) > 1:
            doubts.append(
                Doubt(f"Type {each.number} of the marked spikes is not imaged: {each.reason}")
            )
        n_labels = len({_plain(label) for label in each.labels})
        if n_labels > 1:
            # The labels themselves are the technologist's words, and stand in tables alone.
            text = (
                f"Type {each.number} holds marks under {n_labels} different labels of the events, "
                "judged and averaged together because their fields do not differ"
            )
            doubts.append(Doubt(text))
    return tuple(doubts)


def _plain(label: str) -> str:
    return " ".join(label.casefold().replace("_", " ").replace("-", " ").split())


def _over(side: str) -> str:
    return side if side == "both sides" else f"the {side} side"
