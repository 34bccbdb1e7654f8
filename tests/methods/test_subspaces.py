"""The search for sources in the signal's subspace, on axes whose angles are known by hand."""

import numpy as np
import pytest

from pipeline.methods._music import pursue

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
