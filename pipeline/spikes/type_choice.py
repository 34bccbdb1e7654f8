"""Which type of spikes is imaged, and what is told of the others."""

from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
from mne.transforms import apply_trans

from pipeline.doubts import Doubt
from pipeline.errors import InvalidInput
from pipeline.records.spikes_qc import SpikeTypeQC
from pipeline.spikes.config import Config
from pipeline.spikes.runs import Run
from pipeline.spikes.selection import SPIKE_LENGTH_S
from pipeline.spikes.types import MAX_LAG_S, spike_types, strongest_side

# What noise does is drawn from so many windows of a second; more take memory and tell no more.
MAX_BASELINE_WINDOWS = 100


@dataclass(frozen=True)
class SortedMarks:
    """The types among the marks.

    Attributes
    ----------
    types : ndarray of int, (n_spikes,)
        From 1, which has most marks.
    imaged : ndarray of bool, (n_spikes,)
        Marks of the type that is to be imaged.
    qc : tuple of SpikeTypeQC
    doubts : tuple of Doubt
    """

    types: np.ndarray
    imaged: np.ndarray
    qc: tuple[SpikeTypeQC, ...]
    doubts: tuple[Doubt, ...]

    @property
    def fit(self) -> str:
        """What an error calls the marks that were averaged."""
        if len(self.qc) == 1 or self.imaged.all():
            return "fit their own average"
        numbers = ", ".join(f"{each.n_marks} of type {each.number}" for each in self.qc)
        return f"fit the average of the type that image_type asks for ({numbers})"


def sort_marks(
    segments, baseline, max_shift, mark, matrix, info: mne.Info, runs: list[Run], config: Config
) -> SortedMarks:
    """Tell types apart in data whitened by `matrix`, and say which one is imaged.

    Raises
    ------
    InvalidInput
        There is no type of the number that is asked for.
    """
    types = find_types(segments, baseline, max_shift, mark, matrix, info["sfreq"], config)
    minutes = sum(run.duration_s for run in runs) / 60
    described = describe_types(types, segments, baseline, info, minutes, config)
    imaged = imaged_spikes(types, config, runs[0].path)
    return SortedMarks(types, imaged, described, doubts_of_types(described, config))


def find_types(
    segments, baseline, max_shift, mark, matrix: np.ndarray, sfreq_hz: float, config: Config
) -> np.ndarray:
    """Type of each spike, in data whitened by `matrix`.

    Of marks nearer to each other than a spike's length the one with the largest peak is looked at,
    and the others are of its type: they may be marks of one spike, seen from its flank.
    """
    middle = segments.shape[2] // 2
    beside = int(max_shift.max()) + int(np.ceil(MAX_LAG_S * sfreq_hz)) + 1
    half_width = min(round(config.template_half_width_s * sfreq_hz), middle - beside)
    reach = half_width + beside
    near = segments[:, :, middle - reach : middle + reach + 1]
    white = np.einsum("kc,nct->nkt", matrix, near, optimize=True)
    spike = marks_of_spikes(mark, round(SPIKE_LENGTH_S * sfreq_hz))
    largest = _largest_of_each(spike, _peak_power(white, max_shift))
    some = baseline[:: max(1, len(baseline) // MAX_BASELINE_WINDOWS)]
    types = spike_types(
        white[largest],
        np.einsum("kc,nct->nkt", matrix, some, optimize=True),
        max_shift[largest],
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
    types: np.ndarray, segments, baseline, info: mne.Info, minutes: float, config: Config
) -> tuple[SpikeTypeQC, ...]:
    """How many marks each type has, how often, and on which side of the head."""
    half_width = round(config.template_half_width_s * info["sfreq"])
    pos_device_m = np.array([channel["loc"][:3] for channel in info["chs"]])
    # Head coordinates point to the right along x.
    right_mm = 1000 * apply_trans(info["dev_head_t"], pos_device_m)[:, 0]
    return tuple(
        SpikeTypeQC(
            number=int(number),
            n_marks=int(n_marks),
            share_of_marks=round(float(n_marks / len(types)), 4),
            per_minute=round(float(n_marks / minutes), 3),
            strongest_on=strongest_side(segments[types == number], baseline, half_width, right_mm),
            imaged=config.image_type in (0, number),
        )
        for number, n_marks in zip(*np.unique(types, return_counts=True), strict=True)
    )


def imaged_spikes(types: np.ndarray, config: Config, file: Path) -> np.ndarray:
    """Which spikes (n,) are of the type that is to be imaged."""
    if config.image_type > types.max():
        raise InvalidInput(
            f"the marked spikes are of {types.max()} types, so that type {config.image_type} cannot "
            "be imaged",
            file=file,
            hint=f"set image_type to 1 to {types.max()}",
        )
    return types == config.image_type if config.image_type else np.ones(len(types), bool)


def doubts_of_types(types: tuple[SpikeTypeQC, ...], config: Config) -> tuple[Doubt, ...]:
    """What page one must tell where the marks have more than one source."""
    if len(types) == 1:
        return ()
    told = {
        each.number: f"type {each.number} ({each.n_marks} marks, {each.share_of_marks:.0%}, "
        f"strongest over {_over(each.strongest_on)})"
        for each in types
    }
    if config.image_type == 0:
        text = (
            f"The marked spikes are of {len(types)} types with different fields, averaged into one "
            f"as image_type = 0 asks: {'; '.join(told.values())}. Their average need not have a "
            "source where it is imaged"
        )
        return (Doubt(text, grave=True),)
    others = "; ".join(text for number, text in told.items() if number != config.image_type)
    text = (
        f"The marked spikes are of {len(types)} types with different fields, and this report images "
        f"{told[config.image_type]} alone. Not imaged: {others}. Run again with [spikes] image_type "
        "and another output folder to image them"
    )
    return (Doubt(text, grave=True),)


def _over(side: str) -> str:
    return side if side == "both sides" else f"the {side} side"
