"""Spikes without marks: on made-up arrays whose answer is known."""

import numpy as np
import pytest

from pipeline.detection.statistic import make_detector, peaks, statistic, surrogate, threshold_of
from pipeline.detection.stream import detect

SFREQ, RANK, MARGIN_S, BLOCK_S = 125.0, 30, 1.2, 30.0


@pytest.fixture(scope="module")
def detector():
    leadfield = np.random.default_rng(0).normal(size=(RANK, 60))
    return make_detector(np.eye(RANK), leadfield, SFREQ)


def noise(minutes, seed):
    return np.random.default_rng(seed).normal(size=(RANK, int(minutes * 60 * SFREQ)))


def add(data, field, times_s, size, width_s=0.014):
    time = np.arange(data.shape[1]) / SFREQ
    for at in times_s:
        data += size * np.outer(field, np.exp(-0.5 * ((time - at) / width_s) ** 2))


def run(data, detector, seed=0):
    margin, length = round(MARGIN_S * SFREQ), round(BLOCK_S * SFREQ)
    starts = np.arange(0, data.shape[1] - length - 2 * margin + 1, length)
    blocks = [data[:, start : start + length + 2 * margin] for start in starts]
    return detect(
        lambda index: (blocks[index], None), starts / SFREQ, MARGIN_S, detector, 0.5, seed
    )


def test_spikes_are_found_when_they_are_and_other_transients_are_not(detector):
    data = noise(4.2, 1)
    spikes_s = np.arange(10, 230, 11.0)
    add(data, detector.fields[7] @ detector.basis, spikes_s, 9)
    add(data, np.eye(RANK)[3], np.arange(15, 230, 11.0), 30)  # jumps of one sensor
    found = run(data, detector)
    distance = np.abs(found.time_s[:, None] - spikes_s)
    assert (distance.min(0) < 0.02).mean() > 0.9
    # Of 20 jumps and 4 minutes of noise next to none is taken for a spike.
    assert (distance.min(1) > 0.1).sum() <= 6
    assert found.expected_false == pytest.approx(2.0, abs=0.01) and (found.score > 1).all()


def test_false_ones_are_as_many_as_expected_in_noise(detector):
    n_false = sum(len(run(noise(4.2, seed), detector, seed).time_s) for seed in range(2, 5))
    # 3 recordings of 4 minutes at 0.5 a minute: 6, with Poisson's spread.
    assert 1 <= n_false <= 14


def test_the_statistic_does_not_know_units(detector):
    data = noise(0.5, 9)
    np.testing.assert_allclose(statistic(7 * data, detector), statistic(data, detector), rtol=1e-3)


def test_slow_waves_and_rhythms_stay_below_a_sharp_one(detector):
    field = detector.fields[5] @ detector.basis
    heights = []
    for width_s in (0.014, 0.2):
        data = noise(0.5, 10)
        add(data, field, [15.0], 10, width_s)
        heights.append(
            statistic(data, detector)[round(15 * SFREQ) - 5 : round(15 * SFREQ) + 6].max()
        )
    data = noise(0.5, 10)
    data += 10 * np.outer(field, np.sin(2 * np.pi * 10 * np.arange(data.shape[1]) / SFREQ))
    heights.append(statistic(data, detector)[500:-500].max())
    assert heights[0] > 3 * heights[1] and heights[0] > 3 * heights[2]


def test_a_surrogate_keeps_spectra_and_fields_and_no_transient():
    data = (
        np.outer([1.0, -2.0], np.random.default_rng(3).normal(size=4000)) + noise(1, 4)[:2, :4000]
    )
    drawn = surrogate(data, np.random.default_rng(5))
    np.testing.assert_allclose(np.cov(drawn), np.cov(data), rtol=0.1)
    data[:, 2000] += 1e3
    size = np.linalg.norm(surrogate(data, np.random.default_rng(5)), axis=0)
    assert size.max() < 6 * np.median(size)


def test_peaks_have_none_higher_nearby_and_flanks_are_none():
    values = np.zeros(400)
    values[[100, 103, 200, 226]] = [5, 9, 4, 3]
    samples, heights = peaks(values, SFREQ)
    assert samples[heights > 0].tolist() == [103, 200, 226]


def test_the_threshold_is_reached_as_often_as_asked():
    null = np.arange(1000.0)
    assert (null >= threshold_of(null, 60.0, 0.5)).sum() == 30
    assert threshold_of(np.array([1.0, 2.0]), 60.0, 0.5) == 1.0
