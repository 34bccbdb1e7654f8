"""What each kind of disturbance is told by, on made-up data; spikes are told from none of them."""

import numpy as np
import pytest

from pipeline.detection import likeness
from pipeline.detection.likeness import fast_level, is_vertex_like, traits_of, unlike
from pipeline.detection.statistic import make_detector

SFREQ, RANK, AT = 125.0, 200, 500
TIME_S = (np.arange(1000) - AT) / SFREQ


@pytest.fixture(scope="module")
def detector():
    """Patches on a line, each with a smooth field that is much like its neighbours'."""
    middle, sensor = np.linspace(20, 180, 60), np.arange(RANK)[:, None]
    leadfield = (sensor - middle) * np.exp(-0.5 * ((sensor - middle) / 15) ** 2)
    return make_detector(np.eye(RANK), leadfield, SFREQ)


def of(detector, transient, fast=None):
    white = np.random.default_rng(0).normal(size=(RANK, len(TIME_S)))
    white += transient
    return unlike(traits_of(white, np.array([AT]), detector, fast))[0]


def patch(detector, index):
    return detector.fields[index] @ detector.basis


def wave(width_s, at_s=0.0):
    return np.exp(-0.5 * ((TIME_S - at_s) / width_s) ** 2)


@pytest.mark.parametrize("width_s", [0.011, 0.015, 0.019])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_spike_is_like_a_spike(detector, width_s, sign):
    spike = wave(width_s) - 0.4 * wave(0.055, 0.14)
    assert not of(detector, sign * 25 * np.outer(patch(detector, 20), spike)).any()


def told(*reasons):
    return set(reasons)


@pytest.mark.parametrize(
    ("course", "reasons"),
    [
        (wave(0.004), told(likeness.WIDE, likeness.BROAD)),
        (wave(0.035), told(likeness.BROAD)),
        (sum(wave(0.014, at) for at in (-0.12, 0, 0.12)), told(likeness.NEIGHBOUR)),
    ],
    ids=["muscle's", "vertex wave's", "wicket's"],
)
def test_courses_are_told_by_their_width_and_their_neighbours(detector, course, reasons):
    found = set(np.flatnonzero(of(detector, 30 * np.outer(patch(detector, 20), course))))
    assert reasons <= found and likeness.SECOND not in found and likeness.SENSOR not in found


def test_a_jump_of_one_sensor_is_told(detector):
    step = 60 * np.outer(np.eye(RANK)[101], np.maximum(wave(0.014), 0))
    found = of(detector, step)
    assert found[likeness.SENSOR] and found[likeness.UNEXPLAINED]


def test_two_patches_at_once_are_told_and_are_vertex_like(detector):
    both = patch(detector, 8) + patch(detector, 50)
    white = np.random.default_rng(0).normal(size=(RANK, len(TIME_S)))
    white += 25 * np.outer(both, wave(0.015))
    traits = traits_of(white, np.array([AT]), detector)
    assert set(np.flatnonzero(unlike(traits)[0])) == {likeness.SECOND}
    assert is_vertex_like(traits).tolist() == [True]
    # What is a rhythm besides is none, nor is a spike, nor what is too narrow.
    for trait, value in ((likeness.NEIGHBOUR, 0.9), (likeness.SECOND, 0.1), (likeness.BROAD, 0.1)):
        other = traits.copy()
        other[0, trait] = value
        assert not is_vertex_like(other)[0]


def test_a_spike_while_a_muscle_is_active_is_not_trusted(detector):
    spike = 25 * np.outer(patch(detector, 20), wave(0.015))
    fast = np.ones(len(TIME_S))
    assert not of(detector, spike, fast).any()
    fast[AT - 20 : AT + 20] = 5
    assert np.flatnonzero(of(detector, spike, fast)).tolist() == [likeness.FAST]


def test_the_fast_level_is_that_of_the_twentieth_of_channels_with_most():
    power = np.random.default_rng(0).chisquare(6, (100, 400)) * np.logspace(-3, 3, 100)[:, None]
    quiet = fast_level(power)
    assert np.median(quiet) == pytest.approx(1) and quiet.max() < 1.8
    power[:4, 100:110] *= 50  # fewer channels than a twentieth
    assert fast_level(power)[100:110].max() < 3
    power[4:8, 100:110] *= 50
    assert fast_level(power)[100:110].min() > 3
