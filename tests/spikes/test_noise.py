"""Windows without spikes, and the quality of averages that are known by hand."""

import warnings

import mne
import numpy as np
import pytest

from pipeline.spikes.noise import (
    average_quality,
    baseline_starts,
    noise_covariance,
    whitener_of,
)

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
        ([(-1.0, 0.01)], [1, 101, 201]),
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


def magnetometers(n, sfreq_hz=100.0, lowpass_hz=40.0, projector=None):
    info = mne.create_info([f"MEG{i:03d}" for i in range(n)], sfreq_hz, "mag")
    with info._unlock():
        info["lowpass"] = lowpass_hz
        if projector is not None:
            data = dict(
                col_names=info.ch_names, row_names=None, data=projector[None], nrow=1, ncol=n
            )
            info["projs"] = [mne.Projection(data=data, active=False)]
    return info


@pytest.mark.parametrize(("sfreq_hz", "every"), [(500.0, 5), (200.0, 2), (199.0, 1), (100.0, 1)])
def test_samples_beyond_the_pass_band_say_nothing_of_the_noise(sfreq_hz, every):
    """Of a pass band up to 40 Hz a hundred samples a second are taken."""
    windows = 1e-13 * np.random.default_rng(0).normal(size=(20, 3, 100))
    loud = windows.copy()
    loud[:, :, np.arange(100) % every > 0] *= 9
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # these windows hold all frequencies
        covariance, rank = noise_covariance(loud, magnetometers(3, sfreq_hz))
    assert rank == {"mag": 3}
    assert covariance["nfree"] == pytest.approx(20 * np.ceil(100 / every), abs=1)
    assert np.diag(covariance.data) == pytest.approx(np.full(3, 1e-26), rel=0.15)


def test_the_rank_is_that_of_the_first_minute():
    windows = 1e-13 * np.random.default_rng(0).normal(size=(61, 3, 100))
    windows[:60, 2] = windows[:60, 1]
    assert noise_covariance(windows, magnetometers(3))[1] == {"mag": 2}
    assert noise_covariance(windows[1:], magnetometers(3))[1] == {"mag": 3}


@pytest.mark.parametrize(("part", "rank"), [(2e-5, 3), (5e-6, 2)])
def test_a_direction_below_a_hundred_thousandth_is_no_noise(part, rank):
    """Relative to the largest singular value, as what SSP and SSS leave."""
    windows = 1e-13 * np.random.default_rng(0).normal(size=(20, 3, 100))
    windows[:, 2] *= part
    assert noise_covariance(windows, magnetometers(3))[1] == {"mag": rank}


def test_a_whitener_projects_and_makes_the_noise_white():
    direction = np.array([1.0, 1, 0, 0]) / np.sqrt(2)
    info = magnetometers(4, projector=direction)
    scales = np.array([1.0, 2, 3, 4])[:, None]
    windows = 1e-13 * scales * np.random.default_rng(0).normal(size=(60, 4, 100))
    found = whitener_of(windows, info)
    assert found.rank == {"mag": 3} and found.matrix.shape == (3, 4)
    assert found.matrix @ direction == pytest.approx(np.zeros(3), abs=1)
    white = found.matrix @ windows.transpose(1, 0, 2).reshape(4, -1)
    assert np.cov(white) == pytest.approx(np.eye(3), abs=0.05)


@pytest.mark.parametrize("sfreq_hz", [100.0, 1000.0])
def test_the_onsets_snr_is_that_within_ten_milliseconds_of_it(sfreq_hz):
    """Half of the height is passed 40 ms before the peak, with other noise beside it."""
    peak, step = 600, round(sfreq_hz / 100)
    late = (np.arange(1201) - peak) / step
    course = np.interp(late, [-6, -5, -4, 0, 1], [0, 0, 1.1, 2, 0])
    noise = np.where(np.abs(late + 4) <= 1, 0.1, 0.3)
    spikes = np.tile(course, (4, 3, 1)) + noise * np.array([1.0, -1, 1, -1])[:, None, None]
    spikes += 0.01 * (late < -10)
    told = average_quality(spikes, sfreq_hz, peak)
    begin = peak + round(told.half_rise_s * sfreq_hz)
    near = slice(begin - step, begin + step + 1)
    ratio = np.mean(course[near] ** 2) / np.mean(noise[near] ** 2)
    assert told.onset_snr_db == pytest.approx(10 * np.log10(ratio))
    # A half rise less than ten milliseconds from the first sample has none.
    cut = begin - step
    assert average_quality(spikes[:, :, cut:], sfreq_hz, peak - cut).onset_snr_db is not None
    short = average_quality(spikes[:, :, cut + 1 :], sfreq_hz, peak - cut - 1)
    assert short.half_rise_s == told.half_rise_s and short.onset_snr_db is None


def test_the_noise_counts_to_neither_foot_nor_peak():
    """A quarter of 4 less 0.16 is 0.96: 1.04 less 0.16 lies below it, and 1.04 not below 1."""
    course = np.zeros(121)
    course[PEAK - 4 : PEAK + 1] = (0.5, 1.02, 1.5, 1.8, 2)
    assert quality(course, noise=0.4, before=1e-3).half_rise_s == pytest.approx(-0.03)
    assert quality(course, noise=1e-3, before=1e-3).half_rise_s == pytest.approx(-0.04)


def test_a_half_rise_at_the_first_sample_counts():
    course = np.where(np.arange(121) == PEAK - 15, 0.0, 2.0)
    spikes = course + 1e-3 * np.array([1, -1, 1, -1])[:, None, None] + np.zeros((4, 3, 1))
    spikes[:, :, PEAK + 3 :] = 1
    cut = PEAK - 15
    assert average_quality(spikes[:, :, cut:], SFREQ, 15).half_rise_s == pytest.approx(-0.15)
