"""Maps, extents and localisation errors whose answer is known by hand."""

import numpy as np
import pytest

from pipeline.localisation import (
    PEAK_WINDOW_S,
    NoExtent,
    localisation_error_mm,
    nearest_distance_mm,
    otsu_extent,
    otsu_threshold,
    peak_map,
)


def test_a_peak_map_takes_the_samples_up_to_half_its_window():
    times_s = np.array([-0.012, -0.01, 0.0, 0.01, 0.012])
    activity = np.array([[99.0, -1, 2, 6, 99], [99, 3, -3, 3, 99]])
    assert peak_map(activity, times_s, 0.02).tolist() == [3, 3]


def test_the_published_window_is_twenty_milliseconds():
    assert PEAK_WINDOW_S == 0.02


def test_a_sample_at_the_windows_end_counts_though_it_is_rounded():
    assert peak_map(np.array([[1.0, 3.0]]), np.array([0, 0.01 + 5e-7]), 0.02).tolist() == [2]
    assert peak_map(np.array([[1.0, 3.0]]), np.array([0, 0.01 + 2e-6]), 0.02).tolist() == [1]


def test_otsu_takes_a_hundred_bins():
    # With the threshold a bin's centre, 0.005 above the lower group's own bin.
    threshold, extent = otsu_extent(np.array([0.0, 0, 0, 1, 1, 1]))
    assert threshold == pytest.approx(0.5 / 100)
    assert extent.tolist() == [False] * 3 + [True] * 3


@pytest.mark.parametrize("values", [[1.0, 1, 1], [0, 1, np.inf], [np.nan, 1, 2]])
def test_a_map_without_contrast_has_no_extent(values):
    with pytest.raises(NoExtent):
        otsu_extent(np.array(values))


def test_a_threshold_is_that_of_any_array():
    assert otsu_threshold(np.array([[0.0, 0], [1, 1]])) == pytest.approx(0.005)


def test_localisation_errors_are_means_of_nearest_distances():
    true_mm = np.array([[0.0, 0, 0], [0, 10, 0]])
    found_mm = np.array([[3.0, 4, 0], [0, 10, 0], [0, 0, 6]])
    assert nearest_distance_mm(true_mm, found_mm).tolist() == [5, 0]
    both, true_to_found, found_to_true = localisation_error_mm(true_mm, found_mm)
    assert true_to_found == pytest.approx(2.5)
    assert found_to_true == pytest.approx((5 + 0 + 6) / 3)
    assert both == pytest.approx((2.5 + 11 / 3) / 2)
