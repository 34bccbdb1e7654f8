"""Which regions a map finds, and how far they lie from what they should have found.

What is trained on, benchmarked and reported is measured here.
"""

import numpy as np
from scipy.spatial import cKDTree
from skimage.filters import threshold_otsu

PEAK_WINDOW_S = 0.02  # Sun et al. 2022, "Clinical MEG Data Analysis"
_OTSU_BINS = 100


class NoExtent(ValueError):
    """A map that cannot be cut into what is in the extent and what is not."""


def peak_map(activity: np.ndarray, times_s: np.ndarray, window_s: float) -> np.ndarray:
    """Mean absolute activity (n_regions,) over `window_s` seconds centred on t = 0."""
    half_s = window_s / 2 + 1e-6
    inside = np.abs(times_s) <= half_s
    if not inside.any():
        raise ValueError("the time courses have no sample at the spike's peak")
    return np.abs(activity[:, inside]).mean(1)


def otsu_threshold(values: np.ndarray) -> float:
    """Otsu's threshold of any array, 100 bins, in its unit.

    Raises
    ------
    NoExtent
        If the values hold no contrast to threshold.
    """
    if not np.isfinite(values).all() or np.ptp(values) == 0:
        raise NoExtent("the map is constant or not finite")
    return float(threshold_otsu(np.asarray(values, float), nbins=_OTSU_BINS))


def otsu_extent(values: np.ndarray) -> tuple[float, np.ndarray]:
    """Otsu's threshold of a map (n_regions,) and the regions (n_regions,) bool above it."""
    threshold = otsu_threshold(values)
    return threshold, values > threshold


def nearest_distance_mm(from_mm: np.ndarray, to_mm: np.ndarray) -> np.ndarray:
    """Distance (n,) of each of the points `from_mm` (n, 3) to the nearest of `to_mm` (m, 3)."""
    return cKDTree(to_mm).query(from_mm)[0]


def localisation_error_mm(true_mm: np.ndarray, found_mm: np.ndarray) -> tuple[float, float, float]:
    """Localisation error and its two parts.

    Parameters
    ----------
    true_mm : ndarray, (n, 3)
        Regions of the source, or contacts marked as seizure onset.
    found_mm : ndarray, (m, 3)
        Estimated regions.

    Returns
    -------
    both, true_to_found, found_to_true : float
        Mean distance of each true point to its nearest found one, of each found point to its nearest
        true one, and the mean of the two.
    """
    true_to_found = float(nearest_distance_mm(true_mm, found_mm).mean())
    found_to_true = float(nearest_distance_mm(found_mm, true_mm).mean())
    return (true_to_found + found_to_true) / 2, true_to_found, found_to_true
