"""An approximation of STTONNICA: a few non-negative maps, each with a smooth course.

The method's own penalties and their weights stand in Valdés-Sosa et al. 2009 alone. What is here has
their model and their kinds of penalties (maps that are non-negative, sparse and smooth over the cortex,
courses that are smooth in time, the number of components by the BIC), with weights of our own: its
results are no results of STTONNICA.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.methods._method import MapMethod, NoOptions
from pipeline.methods._model import Problem
from pipeline.methods._whitened import whitened
from pipeline.sampling import samples_through_peak

MAX_COMPONENTS = 4
N_STARTS = 5
ROUNDS, STEPS = 12, 25
SEED = 0
# Of the largest correlation of any region's field with the data, per component.
SPARSITY = 0.1
# Of the largest eigenvalue of the field's products, beside which neighbours are held alike.
SMOOTHNESS_OF_MAPS = 0.02
# Of the components' mean power, on the courses' second differences.
SMOOTHNESS_OF_COURSES = 1.0


@dataclass(frozen=True, eq=False)
class Components:
    """Maps (n_regions, k), not negative, and courses (k, n_times), with the BIC of their fit."""

    maps: np.ndarray
    courses: np.ndarray
    bic: float


def components(
    data: np.ndarray, gain: np.ndarray, adjacency: np.ndarray, noise_variance: float = 1.0
) -> Components:
    """The components of lowest BIC over their numbers and random starts.

    Alternates projected gradients of the maps (accelerated) and penalised least squares of the
    courses; as the method itself, it can end where it started from, hence several starts.

    Parameters
    ----------
    data : ndarray, (rank, n_times)
        Whitened.
    gain : ndarray, (rank, n_regions)
    adjacency : ndarray of bool, (n_regions, n_regions)
    noise_variance : float
    """
    norm = np.linalg.norm(gain, axis=0)
    field = gain / norm
    difference = np.diff(np.eye(data.shape[1]), 2, axis=0)
    roughness, modes = np.linalg.eigh(difference.T @ difference)
    largest = float(np.linalg.norm(field, 2) ** 2)
    laplacian = np.diag(adjacency.sum(1).astype(float)) - adjacency
    # By the largest eigenvalue that a graph's Laplacian can have, so that the weight is its own.
    laplacian *= SMOOTHNESS_OF_MAPS * largest / (2 * adjacency.sum(1).max() or 1)
    right = np.linalg.svd(data, full_matrices=False)[2]
    rng = np.random.default_rng(SEED)
    best = None
    for n_components in range(1, min(MAX_COMPONENTS, len(right)) + 1):
        for _ in range(N_STARTS if n_components > 1 else 1):
            turn = np.linalg.qr(rng.normal(size=(n_components, n_components)))[0]
            courses = turn @ right[:n_components]
            maps = np.zeros((field.shape[1], n_components))
            for _ in range(ROUNDS):
                maps = _maps(data, field, laplacian, largest, courses, maps)
                courses = _courses(data @ modes, field @ maps, roughness) @ modes.T
                size = np.linalg.norm(courses, axis=1, keepdims=True)
                courses, maps = courses / np.maximum(size, 1e-300), maps * size.T
            misfit = np.sum((data - field @ maps @ courses) ** 2) / noise_variance
            n_parameters = np.count_nonzero(maps) + courses.size
            bic = misfit + n_parameters * np.log(data.size)
            if best is None or bic < best.bic:
                best = Components(maps / norm[:, None], courses, float(bic))
    assert best is not None  # one component is always tried
    return best


def _maps(
    data: np.ndarray,
    field: np.ndarray,
    penalty: np.ndarray,
    largest: float,
    courses: np.ndarray,
    start: np.ndarray,
) -> np.ndarray:
    """Non-negative maps under courses of unit norm (Beck & Teboulle 2009, FISTA).

    `penalty` (n_regions, n_regions) holds neighbours alike; `largest` is the field's largest squared
    singular value.
    """
    target, overlap = field.T @ (data @ courses.T), courses @ courses.T
    sparse = SPARSITY * np.abs(target).max(0)
    step = 1 / (largest * np.linalg.norm(overlap, 2) + SMOOTHNESS_OF_MAPS * largest)
    maps, ahead, pace = start, start, 1.0
    for _ in range(STEPS):
        slope = field.T @ (field @ (ahead @ overlap)) - target + penalty @ ahead
        moved = np.maximum(ahead - step * (slope + sparse), 0)
        faster = (1 + np.sqrt(1 + 4 * pace**2)) / 2
        maps, ahead, pace = moved, moved + (pace - 1) / faster * (moved - maps), faster
    return maps


def _courses(data: np.ndarray, fields: np.ndarray, roughness: np.ndarray) -> np.ndarray:
    """Courses in the modes of the second difference, in which each is solved alone."""
    products = fields.T @ fields
    weight = SMOOTHNESS_OF_COURSES * np.trace(products) / len(products)
    systems = products + weight * roughness[:, None, None] * np.eye(len(products))
    systems = systems + 1e-9 * max(weight, 1e-300) * np.eye(len(products))
    return np.linalg.solve(systems, (fields.T @ data).T[..., None])[..., 0].T


def activity(problem: Problem, options: NoOptions) -> tuple[np.ndarray, np.ndarray]:
    """Sum of the components at the networks' 125 Hz."""
    average, seen = problem.spike.average, whitened(problem)
    _, times_s = samples_through_peak(average.times, average.info["sfreq"])
    data = seen.data[:, np.isin(average.times, times_s)]
    found = components(data, seen.gain, problem.model.adjacency, seen.noise_variance)
    return found.maps @ found.courses, times_s


METHOD = MapMethod(
    label="STTONNICA (approximation)",
    short="STTONNICA-like",
    order=75,
    marker="8",
    colour="#aec7e8",
    sentence="an approximation of STTONNICA, after {cite}, with penalties of its own weights",
    references={
        "sttonnica": "Valdés-Sosa PA, Vega-Hernández M, Sánchez-Bornot JM, Martínez-Montes E, Bobes MA. "
        "EEG source imaging with spatio-temporal tomographic nonnegative independent component "
        "analysis. Hum Brain Mapp 2009;30:1898–1910."
    },
    unit="A·m",
    activity=activity,
)
