"""The metrics of Sun et al. 2022 on synthetic recordings, as their evaluation script takes them."""

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from pipeline.localisation import localisation_error_mm, nearest_distance_mm, otsu_threshold
from pipeline.metrics._overlap import balanced_specificity, sensitivity
from pipeline.synthesis.recordings import Batch
from pipeline.training.evaluate import peak_maps

# A region counts as found when it is above the threshold for longer than 7 samples at 500 Hz.
FOUND_LONGER_THAN_S = 7 / 500
N_DRAWS = 5

METRICS = (
    "found_to_true_mm",
    "true_to_found_mm",
    "reference_error_mm",
    "maximum_to_centre_mm",
    "sensitivity",
    "specificity",
    "geometric_mean",
    "correlation",
    "auc",
    "true_area_cm2",
    "found_area_cm2",
)


def found_regions(activity: np.ndarray, sfreq_hz: float) -> np.ndarray:
    """Regions (n_regions,) whose |activity| (n_regions, n_times) passes Otsu's threshold long enough."""
    size = np.abs(activity)
    above = size > otsu_threshold(size)
    found = above.sum(1) > FOUND_LONGER_THAN_S * sfreq_hz
    # A spike narrower than that still has its largest region.
    found[size.max(1).argmax()] = True
    return found


def sample_metrics(
    activity: np.ndarray,
    peak_map: np.ndarray,
    patches: np.ndarray,
    centres: np.ndarray,
    waves: np.ndarray,
    pos_mm: np.ndarray,
    area_mm2: np.ndarray,
    sfreq_hz: float,
    seed: int,
) -> dict[str, float]:
    """`METRICS` of one solution.

    Parameters
    ----------
    activity : ndarray, (994, n_times)
    peak_map : ndarray, (994,)
        Mean absolute activity of 20 ms around the first source's peak.
    patches : ndarray of bool, (n_sources, 994)
    centres : ndarray of int, (n_sources,)
    waves : ndarray, (n_sources, n_times)
        Simulated time courses.
    pos_mm : ndarray, (994, 3)
    area_mm2 : ndarray, (994,)
    sfreq_hz : float
    seed : int
        Of the draws of inactive regions.

    Notes
    -----
    ``found_to_true_mm`` is the localisation error of the paper's text; ``reference_error_mm`` that
    of its authors' script, the mean of it and its converse. The correlation is the mean of
    each found region's with the patch that it is nearest to.
    """
    found = found_regions(activity, sfreq_hz)
    true = patches.any(0)
    both, true_to_found, found_to_true = localisation_error_mm(pos_mm[true], pos_mm[found])
    to_patch = [nearest_distance_mm(pos_mm[found], pos_mm[patch]) for patch in patches]
    nearest = np.argmin(to_patch, axis=0)
    correlation = [
        np.corrcoef(course, waves[source])[0, 1]
        for course, source in zip(activity[found], nearest, strict=True)
    ]
    sens = sensitivity(found, true, area_mm2)
    spec = balanced_specificity(found, true, area_mm2, pos_mm, seed, N_DRAWS)[0]
    maximum = pos_mm[peak_map.argmax()]
    return {
        "found_to_true_mm": found_to_true,
        "true_to_found_mm": true_to_found,
        "reference_error_mm": both,
        "maximum_to_centre_mm": np.linalg.norm(pos_mm[centres] - maximum, axis=1).min(),
        "sensitivity": sens,
        "specificity": spec,
        "geometric_mean": np.sqrt(sens * spec),
        "correlation": np.nanmean(correlation),
        "auc": roc_auc_score(true, peak_map),
        "true_area_cm2": area_mm2[true].sum() / 100,
        "found_area_cm2": area_mm2[found].sum() / 100,
    }


def batch_metrics(
    activity: torch.Tensor,
    batch: Batch,
    pos_mm: np.ndarray,
    area_mm2: np.ndarray,
    sfreq_hz: float,
    first: int,
) -> list[dict[str, float]]:
    """`sample_metrics` of each recording of a batch; `first` numbers them, for their draws."""
    peak_map = peak_maps(activity, batch.peak)
    rows = []
    for i, solution in enumerate(activity.cpu().numpy()):
        active = batch.patches[i].any(1).cpu().numpy()
        rows.append(
            sample_metrics(
                solution,
                peak_map[i],
                batch.patches[i].cpu().numpy()[active],
                batch.centres[i].cpu().numpy()[active],
                batch.wave[i].cpu().numpy()[active],
                pos_mm,
                area_mm2,
                sfreq_hz,
                first + i,
            )
        )
    return rows
