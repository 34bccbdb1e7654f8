"""How far a network's sources lie from the truth, on synthetic recordings."""

import numpy as np
import torch

from pipeline.localisation import PEAK_WINDOW_S, localisation_error_mm, otsu_extent, peak_map
from pipeline.sampling import NETWORK_SFREQ_HZ
from pipeline.synthesis.recordings import Batch

METRICS = ("found_to_true_mm", "true_to_found_mm", "maximum_to_centre_mm")


def peak_maps(activity: torch.Tensor, peak: torch.Tensor) -> np.ndarray:
    """Maps (n, 994) about the peaks, samples (n,), of activity (n, 994, n_times) at 125 Hz."""
    times_s = np.arange(activity.shape[2]) / NETWORK_SFREQ_HZ
    return np.array(
        [
            peak_map(one, times_s - times_s[at], PEAK_WINDOW_S)
            for one, at in zip(activity.cpu().numpy(), peak.cpu().numpy(), strict=True)
        ]
    )


def localisation_errors_mm(
    values: np.ndarray, true: np.ndarray, centre_mm: np.ndarray, pos_mm: np.ndarray
) -> tuple[float, float, float]:
    """Errors of one map, in the order of `METRICS`.

    Parameters
    ----------
    values : ndarray, (994,)
        Map about the peak.
    true : ndarray of bool, (994,)
        The patches.
    centre_mm : ndarray, (3,)
        Centre of the patch.
    pos_mm : ndarray, (994, 3)
    """
    _, extent = otsu_extent(values)
    _, true_to_found, found_to_true = localisation_error_mm(pos_mm[true], pos_mm[extent])
    maximum = pos_mm[np.argmax(values)]
    return found_to_true, true_to_found, float(np.linalg.norm(centre_mm - maximum))


def batch_errors_mm(activity: torch.Tensor, batch: Batch, pos_mm: np.ndarray) -> np.ndarray:
    """`METRICS` of each recording with one source: (n, 3)."""
    maps = peak_maps(activity, batch.peak)
    true = batch.patch.cpu().numpy()
    centres = pos_mm[batch.centres[:, 0].cpu().numpy()]
    return np.array(
        [
            localisation_errors_mm(m, t, c, pos_mm)
            for m, t, c in zip(maps, true, centres, strict=True)
        ]
    )
