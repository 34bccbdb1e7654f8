"""A run that is a part cut out of another one: a spike that is marked in both counts once."""

import numpy as np
import pytest

from pipeline.spikes.copies import on_common_samples

SFREQ_HZ = 250.0
MARKS = np.array([400, 900, 1700, 2600])
BEGIN = 1500
N_TIMES = 3500


def recording(seed, n_channels=40, spike_size=0.0):
    """Coloured noise with one stereotyped spike at each mark."""
    rng = np.random.default_rng(seed)
    data = np.apply_along_axis(
        lambda row: np.convolve(row, np.hanning(9), "same"),
        1,
        rng.standard_normal((n_channels, N_TIMES)),
    )
    shape = np.exp(-0.5 * (np.arange(-30, 31) / 6.0) ** 2)
    topography = np.random.default_rng(99).standard_normal(n_channels)
    for mark in MARKS:
        data[:, mark - 30 : mark + 31] += spike_size * topography[:, None] * shape
    return data.astype(np.float32)


def segments(data, marks):
    return np.array([data[:, mark - 150 : mark + 151] for mark in marks])


def joined(data, cut, marks, marks_of_cut):
    """The samples of the marks of a run and of a second one, which follows it."""
    parts = segments(data, marks), segments(cut, marks_of_cut)
    sample = np.concatenate([marks, N_TIMES + marks_of_cut])
    run = np.repeat([0, 1], [len(marks), len(marks_of_cut)])
    return on_common_samples(sample, np.concatenate(parts), run, SFREQ_HZ).tolist()


@pytest.mark.parametrize("off", [0, 4, -11])
def test_marks_on_the_same_data_are_at_one_place_however_they_were_set(off):
    data = recording(1)
    cut = 3.0 * data[:, BEGIN:]
    found = joined(data, cut, MARKS, MARKS[2:] - BEGIN + off)
    assert found == [*MARKS, *(MARKS[2:] + off)]


def test_a_cut_that_was_filtered_anew_and_rounded_is_the_same_data():
    data = recording(1)
    cut = np.apply_along_axis(
        lambda row: np.convolve(row, np.hanning(5), "same"), 1, data[:, BEGIN:]
    )
    cut = np.round(cut / (0.1 * cut.std())) * 0.1
    assert joined(data, cut, MARKS, MARKS[2:] - BEGIN) == [*MARKS, *MARKS[2:]]


@pytest.mark.parametrize("spike_size", [0.0, 3.0, 20.0])
def test_spikes_of_two_recordings_are_two_however_alike_they_are(spike_size):
    one, other = (recording(seed, spike_size=spike_size) for seed in (1, 2))
    assert joined(one, other, MARKS, MARKS) == [*MARKS, *(N_TIMES + MARKS)]


def test_one_run_stays_as_it_is():
    data = recording(1)
    found = on_common_samples(MARKS, segments(data, MARKS), np.zeros(4, int), SFREQ_HZ)
    assert found.tolist() == MARKS.tolist()
