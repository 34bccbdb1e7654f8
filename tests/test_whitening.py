"""The whitener against matrices whose answer is known by hand."""

import numpy as np
import pytest

from pipeline.errors import InvalidInput
from pipeline.whitening import powers, snr_db, whitener


def covariance(*eigenvalues):
    """Channels of unit variance whose covariance has these two eigenvalues, which sum to two."""
    half = (eigenvalues[0] - eigenvalues[1]) / 2
    return np.array([[1, half], [half, 1]])


def test_independent_channels_are_divided_by_their_standard_deviation():
    white = whitener(np.diag([4.0, 25.0]))
    assert np.abs(white @ np.diag([2.0, 5.0])) @ np.ones(2) == pytest.approx([1, 1])
    assert white @ np.diag([4.0, 25.0]) @ white.T == pytest.approx(np.eye(2))


@pytest.mark.parametrize(("ratio", "rank"), [(1.1e-8, 2), (0.9e-8, 1), (0.0, 1)])
def test_directions_below_a_hundred_millionth_are_left_out(ratio, rank):
    large = 2 / (1 + ratio)
    assert len(whitener(covariance(large, 2 - large))) == rank


def test_channels_count_alike_whatever_their_unit():
    unit = np.diag([1.0, 1e-6])
    assert len(whitener(unit @ covariance(1.5, 0.5) @ unit)) == 2
    assert np.abs(whitener(unit @ covariance(1.5, 0.5) @ unit) @ unit) == pytest.approx(
        np.abs(whitener(covariance(1.5, 0.5)))
    )


def test_loading_adds_a_share_of_the_mean_variance():
    noise = covariance(1.5, 0.5)
    white = whitener(noise, loading=0.2)
    # The mean is 1, so that 0.2 is added to each.
    assert np.sort(np.diag(white @ noise @ white.T)) == pytest.approx([0.5 / 0.7, 1.5 / 1.7])


def test_loading_is_a_share_of_what_is_kept():
    white = whitener(covariance(2.0, 0.0), loading=0.2)
    assert white @ covariance(2.0, 0.0) @ white.T == pytest.approx(np.array([[2 / 2.4]]))


@pytest.mark.parametrize("variance", [0.0, -1.0, np.nan])
def test_a_channel_without_variance_is_refused(variance):
    with pytest.raises(InvalidInput, match="without variance"):
        whitener(np.diag([1.0, variance]))


def test_the_largest_variance_decides_what_is_left_out():
    # Eigenvalues 0, 3e-8 and 3: the middle one is a hundred-millionth of the largest, and kept.
    first = np.ones(3) / np.sqrt(3)
    second = np.array([1, -1, 0]) / np.sqrt(2)
    for small, rank in ((3.3e-8, 2), (2.7e-8, 1)):
        noise = 3 * np.outer(first, first) + small * np.outer(second, second)
        assert len(whitener(noise)) == rank


def test_noise_has_unit_variance_in_every_direction():
    mixing = np.array([[2.0, 1, 0], [0, 1, 3], [1, 0, 1]])
    noise = mixing @ mixing.T
    assert whitener(noise) @ noise @ whitener(noise).T == pytest.approx(np.eye(3))


def epochs(course, noise):
    """Epochs (n, 1, n_times) of one course, with `noise` added to each at all times."""
    return np.array(course, float) + np.array(noise, float)[:, None, None]


def test_powers_are_of_the_average_and_of_what_alternating_signs_leave():
    # Means 2 and 4 with 1 added and taken away in turn: power 10, of which the noise is 1.
    assert powers(epochs([2, 4], [-1, 1, -1, 1])) == pytest.approx((10, 1))
    # The last of an odd number counts to the average alone: its mean is 2 more.
    assert powers(epochs([2, 4], [-1, 1, -1, 1, 10])) == pytest.approx((26, 1))
    # What the first two have beside the others stays as a part of the noise.
    assert powers(epochs([0], [3, 1, 0, 0]))[1] == pytest.approx(0.25)


def test_the_snr_is_the_ratio_of_powers_in_decibels():
    assert snr_db(epochs([20], [-2, 2])) == pytest.approx(20)
    assert snr_db(epochs([4, 8], [-2, 2])) == pytest.approx(10)
