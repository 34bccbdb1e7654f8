"""Sparse methods on axes whose angles and sizes are known by hand."""

import numpy as np
import pytest

from pipeline.methods._music import pursue
from pipeline.methods._whitened import Whitened
from pipeline.methods.focuss import focuss_kernel

# Samples of two independent courses.
COURSES = np.array([[1.0, 1, -1, -1], [1, -1, 1, -1]]) / 2


def test_what_was_found_is_projected_out_of_all_topographies():
    """Beside the first axis the second topography has the second axis alone, which is in the signal."""
    gain = np.array([[1.0, 0.6, 0], [0, 0.8, 0], [0, 0, 1]])
    signal = np.array([[3.0, 0], [0, 2], [0, 0]]) @ COURSES
    sources, correlations = pursue(signal, gain, 2)
    assert sources == [0, 1] and correlations == pytest.approx([1, 1])
    assert sorted(pursue(signal, 1e-9 * gain, 2)[0]) == [0, 1]


def test_a_correlation_is_the_cosine_of_the_angle_to_what_is_left():
    """After the first axis the signal has the second one left: 0.6 and 0.28 of what these have left."""
    gain = np.array([[1.0, 0.5, 0], [0, 0.6, 0.28], [0, 0.8, 0.96]])
    signal = np.array([[3.0, 0], [0, 2], [0, 0]]) @ COURSES
    sources, correlations = pursue(signal, gain, 3)
    assert sources[:2] == [0, 1] and correlations[:2] == pytest.approx([1, 0.6])
    # Of less than three quarters no second one is taken, of the first whatever it has.
    assert pursue(signal, gain, 3, least_correlation=0.61) == ([0], [pytest.approx(1)])
    assert pursue(signal, gain, 3, least_correlation=0.59)[0][:2] == [0, 1]
    assert len(pursue(signal, gain[:, 1:], 1, least_correlation=0.99)[0]) == 1


def test_the_signal_has_as_many_dimensions_as_asked_or_as_there_are():
    gain = np.eye(4)
    signal = np.diag([3.0, 2, 1, 0])
    assert set(pursue(signal, gain, 2)[0]) == {0, 1}
    assert set(pursue(signal, gain, 3)[0]) == {0, 1, 2}
    # The fourth has no signal.
    assert set(pursue(signal, gain, 4)[0]) == {0, 1, 2}
    assert pursue(0 * signal, gain, 2) == ([], [])


def test_a_topography_that_was_found_is_not_found_again():
    gain = np.array([[1.0, 2, 0], [0, 0, 1]])
    assert pursue(np.diag([3.0, 2]) @ COURSES, gain, 3)[0] in ([0, 2], [1, 2], [2, 0], [2, 1])


def test_components_have_the_products_of_the_data_and_no_more():
    """Those above a ten thousand millionth of the largest, each of the length of its part."""
    left = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]
    right = np.linalg.qr(np.random.default_rng(1).normal(size=(30, 5)))[0].T
    for scale in (1.0, 1e-4):
        size = scale * np.array([3.0, 1, 5e-10, 1e-10, 0])
        seen = Whitened(left * size @ right, np.empty((5, 0)), np.eye(5))
        assert seen.components.shape == (5, 3)
        assert np.linalg.norm(seen.components, axis=0) == pytest.approx(size[:3], rel=1e-3)


def test_noise_that_is_weaker_than_stated_counts_as_stated():
    for size, variance in ((0.5, 1.0), (3.0, 9.0)):
        seen = Whitened(np.eye(2), size * np.array([[1.0, -1], [1, -1]]), np.eye(2))
        assert seen.noise_variance == variance


@pytest.mark.parametrize("strength", [1.0, 1e-9])
def test_focuss_has_the_root_of_its_own_solution_as_a_prior(strength):
    """Regions that share no field: s = x / (1 + ridge / prior), with variances of |s|^1.2."""
    gain = np.diag([1.0, 2.0])
    data = strength * np.array([[4.0, 3.0], [2.0, -1.0]])
    kernel = focuss_kernel(data, gain, snr=2.0)
    size = np.array([5.0, np.sqrt(5)]) * [1, 0.5]
    for _ in range(200):
        prior = (size / size.max()) ** 1.2
        power = prior * [1.0, 4.0]
        ridge = power.mean() / 4
        solution = power / (power + ridge) * [1.0, 0.5]
        size = solution * [5.0, np.sqrt(5)]
    assert np.diag(kernel) == pytest.approx(solution, rel=2e-3)
    assert kernel[0, 1] == kernel[1, 0] == 0


def test_focuss_silences_what_is_a_thousandth_of_the_strongest():
    gain = np.eye(2)
    for second, is_silent in ((0.5, False), (1e-4, True)):
        kernel = focuss_kernel(np.diag([1.0, second]), gain, snr=100.0)
        assert (kernel[1, 1] == 0) == is_silent
