"""The average of one type of spikes, on few channels whose answers are known by hand."""

from dataclasses import replace

import mne
import numpy as np
import pytest

from pipeline.records.spikes_qc import AverageQC
from pipeline.spikes import averages
from pipeline.spikes.averages import Marks, agreement, average_type, peak_topography
from pipeline.spikes.config import Config
from pipeline.spikes.selection import OTHER_TYPE, Selection

SFREQ_HZ, N_TIMES, MIDDLE = 250.0, 401, 200
FIELD = np.array([3.0, -2.0, 1.0, 0.5, 0.0, 0.0])
SHIFTS = np.array([0, 4, -3, 2, -5, 1, 0, 3, 0, 0])
TYPES = np.array([1, 1, 1, 1, 1, 1, 1, 1, 2, 2])


def course(late: int, strength=5.0) -> np.ndarray:
    return strength * np.exp(-(((np.arange(N_TIMES) - MIDDLE - late) / 5) ** 2))


@pytest.fixture(scope="module")
def marks() -> Marks:
    """Eight spikes of one field whose peaks lie some samples from their marks, and two of another."""
    rng = np.random.default_rng(0)
    segments = 0.3 * rng.normal(size=(10, 6, N_TIMES))
    for segment, late, kind in zip(segments, SHIFTS, TYPES, strict=True):
        segment += np.outer(FIELD if kind == 1 else FIELD[::-1], course(late))
    references = np.arange(10.0)[:, None, None] * np.ones((1, 2, N_TIMES))
    references[:, 1] = np.arange(N_TIMES)
    return Marks(segments, references, np.full(10, 12), 1000 * np.arange(1, 11), ("spike",) * 10)


@pytest.fixture(scope="module")
def info() -> mne.Info:
    return mne.create_info(6, SFREQ_HZ, "mag")


@pytest.fixture(scope="module")
def baseline() -> np.ndarray:
    return 0.3 * np.random.default_rng(1).normal(size=(60, 6, N_TIMES))


@pytest.fixture(scope="module")
def average(marks, baseline, info):
    matrix = np.eye(6) / 0.3
    return average_type(1, TYPES, marks, baseline, matrix, info, Config())


def test_spikes_are_averaged_at_their_peaks(average, marks):
    assert (average.number, average.n_marks, average.n_used) == (1, 8, 8)
    assert average.selection.shift[:8].tolist() == SHIFTS[:8].tolist()
    assert average.selection.reasons[8:] == [OTHER_TYPE, OTHER_TYPE]
    # A second around the peak, which lies at 0 s.
    assert average.epochs.times[[0, 125, -1]] == pytest.approx([-0.5, 0, 0.5])
    evoked = average.epochs.average().data
    assert evoked.shape == (6, 251) and np.abs(evoked).max(0).argmax() == 125
    assert evoked[:, 125] == pytest.approx(5 * FIELD, abs=0.4)
    assert average.epochs.events[:, 0].tolist() == (marks.sample + SHIFTS)[:8].tolist()


def test_references_are_averaged_as_the_channels(average):
    first, second = average.references
    assert first == pytest.approx(np.full(251, np.arange(8).mean()))
    begin = MIDDLE - 125 + SHIFTS[:8].mean()
    assert second == pytest.approx(begin + np.arange(251))


def test_the_quality_is_that_of_the_whitened_spikes(average):
    # Power of 16.7 * FIELD around the peak over an eighth of unit noise.
    near = (course(0)[MIDDLE - 3 : MIDDLE + 4] / 0.3) ** 2
    expected = 10 * np.log10(near.mean() * np.mean(FIELD**2) * 8)
    assert average.quality.snr_db == pytest.approx(expected, abs=3)
    assert average.quality.snr_db == round(average.quality.snr_db, 4)
    # Half of the amplitude: 5 * sqrt(ln 2) samples before the peak.
    assert average.quality.half_rise_s == pytest.approx(-0.02, abs=0.0041)
    assert average.presence.found and average.doubts == ()


def test_one_spike_has_no_average(marks, baseline, info):
    types = np.where(np.arange(10) == 9, 3, 1)
    alone = average_type(3, types, marks, baseline, np.eye(6) / 0.3, info, Config())
    assert alone.epochs is None and alone.quality is None and alone.presence is None
    assert alone.n_marks == 1 and not len(alone.references)
    both = average_type(2, TYPES, marks, baseline, np.eye(6) / 0.3, info, Config())
    assert both.n_used == 2 and both.epochs is not None


def test_the_peaks_field_is_that_around_the_moved_peak(average, marks):
    field = peak_topography(marks, average.selection, SFREQ_HZ)
    # The mean over two samples to either side.
    height = course(0)[MIDDLE - 2 : MIDDLE + 3].mean()
    assert field == pytest.approx(height * FIELD, abs=0.15)


def test_agreement_is_of_the_accepted_spikes():
    selection = Selection(
        np.array([5, -10, 20, 99]),
        np.array([0.9, 0.8, 0.7, 0.1]),
        np.array([0.5, 0.6, 0.7, 0.0]),
        np.ones(4),
        ["", "", "", "too small"],
        0.44444,
    )
    told = agreement(selection, SFREQ_HZ, Config())
    assert told.mean_correlation == 0.6 and told.mean_component_correlation == 0.8
    assert told.median_absolute_shift_s == 0.04 and told.smallest_amplitude_ratio == 0.4444
    assert told.smallest_correlation == 0.5


def test_spikes_are_judged_as_configured(marks, baseline, monkeypatch):
    """Of the type's own, whitened, 25 samples about the mark with twice the largest shift and one."""
    judged = []

    def select(*given):
        judged.append(given)
        raise StopIteration

    monkeypatch.setattr(averages, "select_spikes", select)
    matrix, config = np.diag([2.0, 1, 1, 1, 1, 1]), Config()
    with pytest.raises(StopIteration):
        averages.judge(marks, TYPES == 2, baseline, matrix, SFREQ_HZ, config)
    ((near, free, max_shift, half_width, least, amplitudes, mark, length),) = judged
    reach = 25 + 2 * 12 + 1
    expected = marks.segments[8:, :, MIDDLE - reach : MIDDLE + reach + 1]
    assert near[:, 1:] == pytest.approx(expected[:, 1:])
    assert near[:, 0] == pytest.approx(2 * expected[:, 0])
    assert free[:, 0] == pytest.approx(2 * baseline[:, 0, : 2 * reach + 1])
    assert max_shift.tolist() == [12, 12] and half_width == 25
    assert (least, amplitudes) == (0.5, (0.4, 3.0)) and mark.tolist() == [9000, 10000]
    # Peaks within 0.2 s are one spike's.
    assert length == 50


def test_quality_is_rounded_but_for_what_is_not_known():
    quality = AverageQC(
        snr_db=1.23456, snr_over_baseline_db=2.34567, half_rise_s=-0.0123456, onset_snr_db=None
    )
    told = averages._rounded(quality)
    assert (told.snr_db, told.snr_over_baseline_db, told.half_rise_s) == (1.2346, 2.3457, -0.0123)
    assert averages._rounded(replace(quality, half_rise_s=None)).half_rise_s is None
