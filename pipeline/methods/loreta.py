"""LORETA: the smoothest of the depth-weighted solutions."""

import numpy as np

from pipeline.methods._method import MapMethod
from pipeline.methods._minimum_norm import Options
from pipeline.methods._model import Problem
from pipeline.methods._weighted import weighted
from pipeline.methods._whitened import Whitened

# Without it the Laplacian has no inverse: an activity that is the same everywhere would cost nothing.
RIDGE = 0.05


def smooth_prior(gain: np.ndarray, adjacency: np.ndarray) -> np.ndarray:
    """Covariance (n_regions, n_regions): (D BᵀB D)⁻¹, D = diag ‖l‖ (Pascual-Marqui et al. 1994).

    B is each region's difference from the mean of its neighbours: the published Laplacian of a
    grid, on the regions' graph.

    Parameters
    ----------
    gain : ndarray, (rank, n_regions)
    adjacency : ndarray of bool, (n_regions, n_regions)
    """
    mean_of_neighbours = adjacency / np.maximum(adjacency.sum(1, keepdims=True), 1)
    laplacian = (1 + RIDGE) * np.eye(len(adjacency)) - mean_of_neighbours
    root = np.linalg.inv(laplacian) / np.linalg.norm(gain, axis=0)[:, None]
    return root @ root.T


def _prior(problem: Problem, seen: Whitened) -> np.ndarray:
    return smooth_prior(seen.gain, problem.model.adjacency)


METHOD = MapMethod(
    label="LORETA",
    short="LORETA",
    order=38,
    marker="p",
    colour="#e377c2",
    sentence="LORETA {cite}",
    references={
        "loreta": "Pascual-Marqui RD, Michel CM, Lehmann D. Low resolution electromagnetic "
        "tomography: a new method for localizing electrical activity in the brain. Int J "
        "Psychophysiol 1994;18:49–65."
    },
    options=Options,
    unit="A·m",
    activity=weighted(_prior),
)
