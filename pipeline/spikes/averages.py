"""The average of each type of spikes, and how its spikes fit it."""

from dataclasses import dataclass, replace

import mne
import numpy as np

from pipeline.doubts import Doubt
from pipeline.modality import re_referenced
from pipeline.records.spikes_qc import AgreementQC, AverageQC, PresenceQC
from pipeline.spikes.config import EPOCH_S, Config
from pipeline.spikes.fast import FAST_HZ, doubts_of_fast, share_above
from pipeline.spikes.noise import PEAK_HALF_WIDTH_S, average_quality
from pipeline.spikes.outputs import event_array
from pipeline.spikes.presence import presence_of_type
from pipeline.spikes.selection import SPIKE_LENGTH_S, Selection, among_all, cut, select_spikes
from pipeline.spikes.unlike import doubts_of_unlike

FEWEST_AVERAGED = 2
"""Fewer leave no way to tell the average from its noise."""
PEAK_MEAN_S = 0.01
CORRELATION_DEFINITION = (
    "mean over the spikes used of each one's correlation with the average of the others, over all "
    "channels (whitened) and the samples in which spikes are compared"
)


@dataclass(frozen=True, eq=False)
class Marks:
    """The marked spikes that can be looked at, of all runs.

    Attributes
    ----------
    segments : ndarray of float32, (n, n_channels, n_times)
        The mark in the middle.
    references : ndarray, (n, n_references, n_times)
        What the channels were compensated with.
    max_shift : ndarray of int, (n,)
        Samples by which each may be moved.
    sample : ndarray of int, (n,)
        Of the mark, runs one after the other.
    label : tuple of str, (n,)
        What the events call it.
    fast : ndarray of float32, (n, n_channels, n_fast_times), or None
        Above the pass band, at `FAST_HZ`, the mark in the middle; None where a run holds none.
    """

    segments: np.ndarray
    references: np.ndarray
    max_shift: np.ndarray
    sample: np.ndarray
    label: tuple[str, ...]
    fast: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.sample)

    def re_referenced(self, info: mne.Info) -> "Marks":
        """The fields without what all channels share, where these tell differences alone."""
        fast = None if self.fast is None else re_referenced(self.fast, info, axis=1)
        return replace(self, segments=re_referenced(self.segments, info, axis=1), fast=fast)


@dataclass(frozen=True, eq=False)
class TypeAverage:
    """One type of spikes and its average.

    Attributes
    ----------
    number, n_marks : int
    selection : Selection
        Of all marks; those of other types are unmeasured.
    epochs : mne.EpochsArray or None
        The accepted spikes, peak at 0 s; None where they are fewer than `FEWEST_AVERAGED`.
    references : ndarray, (n_references, n_times)
        Averaged like the epochs.
    quality : AverageQC or None
    presence : PresenceQC or None
        Whether it stands out further than averages of spike-free epochs.
    doubts : tuple of Doubt
        Whether what does not fit the average has a common source of its own.
    """

    number: int
    n_marks: int
    selection: Selection
    epochs: mne.EpochsArray | None
    references: np.ndarray
    quality: AverageQC | None
    presence: PresenceQC | None
    doubts: tuple[Doubt, ...]

    @property
    def n_used(self) -> int:
        return int(self.selection.accepted.sum())


def _near(marks: Marks, of_type: np.ndarray, matrix: np.ndarray, half_width: int) -> np.ndarray:
    """The marks `of_type` (n,), whitened, as wide as it takes to align and compare them."""
    reach = half_width + 2 * int(marks.max_shift.max()) + 1
    middle = marks.segments.shape[2] // 2
    part = marks.segments[of_type, :, middle - reach : middle + reach + 1]
    return matrix @ part


def judge(
    marks: Marks, of_type: np.ndarray, baseline: np.ndarray, matrix: np.ndarray, sfreq_hz, config
) -> Selection:
    """Judge the spikes `of_type` (n,) by their own average, whitened by `matrix`."""
    half_width = round(config.template_half_width_s * sfreq_hz)
    near = _near(marks, of_type, matrix, half_width)
    selection = select_spikes(
        near,
        matrix @ baseline[:, :, : near.shape[2]],
        marks.max_shift[of_type],
        half_width,
        config.min_correlation,
        (config.min_amplitude_ratio, config.max_amplitude_ratio),
        marks.sample[of_type],
        round(SPIKE_LENGTH_S * sfreq_hz),
    )
    return among_all(selection, of_type)


def peak_topography(marks: Marks, selection: Selection, sfreq_hz: float) -> np.ndarray:
    """Mean field (n_channels,) of the accepted spikes around their peaks."""
    reach = round(PEAK_MEAN_S * sfreq_hz)
    start = marks.segments.shape[2] // 2 + selection.shift - reach
    chosen = selection.accepted
    near = cut(marks.segments[chosen], start[chosen], 2 * reach + 1)
    return near.mean(axis=(0, 2)).astype(float)


def average_type(
    number: int,
    types: np.ndarray,
    marks: Marks,
    baseline: np.ndarray,
    matrix: np.ndarray,
    info: mne.Info,
    config: Config,
) -> TypeAverage:
    """Judge and average the spikes of one type.

    Parameters
    ----------
    number : int
    types : ndarray of int, (n_marks,)
    marks : Marks
    baseline : ndarray, (n_windows, n_channels, n_times)
        Free of spikes.
    matrix : ndarray, (rank, n_channels)
        Whitens.
    info : mne.Info
        Of the channels, with the projectors.
    config : Config
    """
    of_type, sfreq_hz = types == number, info["sfreq"]
    selection = judge(marks, of_type, baseline, matrix, sfreq_hz, config)
    chosen, n_marks = selection.accepted, int(of_type.sum())
    if chosen.sum() < FEWEST_AVERAGED:
        return TypeAverage(number, n_marks, selection, None, marks.references[:0], None, None, ())
    n_epoch = 2 * round(EPOCH_S / 2 * sfreq_hz) + 1
    start = (marks.segments.shape[2] // 2 + selection.shift - n_epoch // 2)[chosen]
    data = cut(marks.segments[chosen], start, n_epoch).astype(float)
    events = event_array(marks.sample, selection)
    epochs = mne.EpochsArray(data, info, events, -EPOCH_S / 2, {"spike": 1}, proj=True)
    whitened = matrix @ data
    quality = _rounded(average_quality(whitened, sfreq_hz, n_epoch // 2))
    share = _share_above(marks, selection, baseline, sfreq_hz)
    return TypeAverage(
        number,
        n_marks,
        selection,
        epochs,
        cut(marks.references[chosen], start, n_epoch).mean(axis=0),
        replace(quality, above_lowpass_share=share),
        presence_of_type(
            marks.segments, of_type, baseline, marks.max_shift, matrix, sfreq_hz, config
        ),
        doubts_of_unlike(
            selection, marks.segments, baseline, marks.max_shift, matrix, sfreq_hz, config
        )
        + doubts_of_fast(share, config.lowpass_hz),
    )


def _share_above(
    marks: Marks, selection: Selection, baseline: np.ndarray, sfreq_hz: float
) -> float | None:
    """`share_above` of the accepted spikes, within `PEAK_HALF_WIDTH_S` of their peaks."""
    if marks.fast is None:
        return None
    parts = []
    for segments, rate_hz in ((marks.segments, sfreq_hz), (marks.fast, FAST_HZ)):
        reach = round(PEAK_HALF_WIDTH_S * rate_hz)
        shift = np.round(selection.shift * rate_hz / sfreq_hz).astype(int)
        start = (segments.shape[2] // 2 + shift - reach)[selection.accepted]
        parts.append(cut(segments[selection.accepted], start, 2 * reach + 1))
    slow, fast = parts
    return round(share_above(slow, fast, baseline.std(axis=(0, 2))), 4)


def agreement(selection: Selection, sfreq_hz: float, config: Config) -> AgreementQC:
    """How the spikes of an average agree with it."""
    chosen = selection.accepted
    shift_s = np.abs(selection.shift[chosen]) / sfreq_hz
    return AgreementQC(
        mean_correlation=round(float(selection.channel_correlation[chosen].mean()), 4),
        mean_correlation_definition=CORRELATION_DEFINITION,
        mean_component_correlation=round(float(selection.correlation[chosen].mean()), 4),
        smallest_correlation=config.min_correlation,
        smallest_amplitude_ratio=round(selection.smallest_amplitude, 4),
        median_absolute_shift_s=round(float(np.median(shift_s)), 4),
    )


def _rounded(quality: AverageQC) -> AverageQC:
    rise_s = quality.half_rise_s
    return AverageQC(
        snr_db=round(quality.snr_db, 4),
        snr_over_baseline_db=round(quality.snr_over_baseline_db, 4),
        half_rise_s=None if rise_s is None else round(rise_s, 4),
        onset_snr_db=quality.onset_snr_db,
    )
