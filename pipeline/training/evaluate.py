"""How far a network's sources lie from the truth, on synthetic recordings."""

import numpy as np
import torch
from skimage.filters import threshold_otsu

from pipeline.synthesis.recordings import Batch

OTSU_BINS = 100
# 20 ms around the peak at 125 Hz: its sample and both neighbours.
PEAK_NEIGHBOURS = 1

METRICS = ("found_to_true_mm", "true_to_found_mm", "maximum_to_centre_mm")


def peak_maps(activity: torch.Tensor, peak: torch.Tensor) -> np.ndarray:
    """Mean absolute activity about the peak: (n, 994, n_times) and (n,) to (n, 994)."""
    window = peak[:, None] + torch.arange(-PEAK_NEIGHBOURS, PEAK_NEIGHBOURS + 1).to(peak)
    window = window.clamp(0, activity.shape[2] - 1)
    index = window[:, None].expand(-1, activity.shape[1], -1)
    return activity.abs().gather(2, index).mean(2).cpu().numpy()


def extent(peak_map: np.ndarray) -> np.ndarray:
    """Regions above Otsu's threshold of 100 bins: (994,) to bool (994,)."""
    return peak_map > threshold_otsu(peak_map, nbins=OTSU_BINS)


def localisation_errors_mm(
    peak_map: np.ndarray, true: np.ndarray, centre_mm: np.ndarray, pos_mm: np.ndarray
) -> tuple[float, float, float]:
    """Errors of one map, in the order of `METRICS`.

    Parameters
    ----------
    peak_map : ndarray, (994,)
    true : ndarray of bool, (994,)
        The patches.
    centre_mm : ndarray, (3,)
        Centre of the patch.
    pos_mm : ndarray, (994, 3)
    """
    found = extent(peak_map)
    distance = np.linalg.norm(pos_mm[found][:, None] - pos_mm[true][None], axis=2)
    maximum = pos_mm[np.argmax(peak_map)]
    return (
        float(distance.min(1).mean()),
        float(distance.min(0).mean()),
        float(np.linalg.norm(centre_mm - maximum)),
    )


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
