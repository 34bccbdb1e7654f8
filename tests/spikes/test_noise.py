"""Windows without spikes, and the quality of averages that are known by hand."""

import numpy as np
import pytest

from pipeline.spikes.noise import average_quality, baseline_starts

SFREQ = 100.0
PEAK = 60
T_S = (np.arange(121) - PEAK) / SFREQ


@pytest.mark.parametrize(
    ("busy_s", "starts"),
    [
        ([], [0, 100, 200]),
        ([(0.5, 0.505)], [51, 151]),
        ([(0.995, 1.005)], [101, 201]),
        ([(-3.0, 0.2)], [20, 120, 220]),
        ([(-3.0, -2.0)], [0, 100, 200]),
        ([(2.31, 9.0)], [0, 100]),
        ([(1.0, 1.0)], [0, 100, 200]),
    ],
)
def test_windows_of_a_second_lie_between_what_is_busy(busy_s, starts):
    found = baseline_starts(325, SFREQ, np.array(busy_s).reshape(-1, 2), 9)
    assert found.tolist() == starts


def test_a_recording_as_long_as_its_windows_is_used_whole():
    assert baseline_starts(300, SFREQ, np.empty((0, 2)), 9).tolist() == [0, 100, 200]
    assert baseline_starts(299, SFREQ, np.empty((0, 2)), 9).tolist() == [0, 100]


def test_windows_are_drawn_evenly_where_there_are_more():
    assert baseline_starts(1000, SFREQ, np.empty((0, 2)), 4).tolist() == [0, 300, 600, 900]
    assert baseline_starts(400, SFREQ, np.empty((0, 2)), 4).tolist() == [0, 100, 200, 300]


def quality(course, noise=0.5, n=4, before=0.0):
    """Of spikes with this course, to which noise is added and taken from in turn."""
    sign = np.where(np.arange(n) % 2, 1.0, -1.0)
    spikes = course + noise * sign[:, None, None] + np.zeros((n, 3, 1))
    spikes = spikes + before * ((T_S >= -0.5) & (T_S < -0.2))
    return average_quality(spikes, SFREQ, PEAK)


def test_the_noise_is_what_alternating_signs_leave():
    course = 2.0 * (np.abs(T_S) < 0.025)
    found = quality(course, noise=0.5, before=0.1)
    # 2 against 0.5 in amplitude.
    assert found.snr_db == pytest.approx(20 * np.log10(4))
    assert found.snr_over_baseline_db == pytest.approx(20 * np.log10(20))


def test_power_is_the_mean_within_twenty_milliseconds():
    course = np.zeros(121)
    course[PEAK - 3 : PEAK + 4] = (9, 1, 2, 3, 2, 1, 9)
    found = quality(course, noise=1.0, before=1.0)
    assert found.snr_db == pytest.approx(10 * np.log10((1 + 4 + 9 + 4 + 1) / 5))
    assert found.snr_over_baseline_db == pytest.approx(found.snr_db)


def test_the_baseline_runs_from_half_a_second_to_a_fifth_before_the_peak():
    course = np.where(np.abs(T_S) < 0.025, 1.0, 0.0)
    course[PEAK - 51] = course[PEAK - 20] = 100.0
    assert quality(course, before=0.1).snr_over_baseline_db == pytest.approx(20)


def test_an_odd_spike_is_left_out_of_the_noise():
    course = 2.0 * (np.abs(T_S) < 0.025)
    spikes = np.stack([course - 1, course + 1, course])[:, None]
    found = average_quality(spikes + 0.1 * (T_S < -0.1), SFREQ, PEAK)
    assert found.snr_db == pytest.approx(20 * np.log10(2))


@pytest.mark.parametrize(("n_before", "half_rise_s"), [(3, -0.04), (19, -0.2), (25, None)])
def test_half_rise_is_when_a_quarter_of_the_power_was_passed(n_before, half_rise_s):
    course = 2.0 * ((np.arange(121) >= PEAK - n_before) & (np.arange(121) <= PEAK))
    found = quality(course, noise=1e-3, before=1e-3).half_rise_s
    assert found == (None if half_rise_s is None else pytest.approx(half_rise_s))


def test_a_quarter_of_the_power_is_half_of_the_amplitude():
    course = np.zeros(121)
    course[PEAK - 4 : PEAK + 1] = (0.9, 1.1, 1.5, 1.8, 2)
    assert quality(course, noise=1e-3, before=1e-3).half_rise_s == pytest.approx(-0.04)
    # Less the noise: 0.2 more power lifts neither the peak nor the foot.
    assert quality(course, noise=0.4, before=1e-3).half_rise_s == pytest.approx(-0.04)
