"""Sparse Bayesian learning: each region's variance is learned from the average, and most become none."""

from collections.abc import Callable

import numpy as np

from pipeline.methods._method import NoOptions
from pipeline.methods._model import Problem
from pipeline.methods._whitened import whitened
from pipeline.methods.wmne import depth_prior

MAX_ROUNDS = 300
# Of the strongest region's field: what adds less is silent from then on.
SILENT = 1e-3
# Of the largest variance, changed in a round: below it they have settled.
_SETTLED = 1e-4


def learned_variances(
    data: np.ndarray,
    n_times: int,
    gain: np.ndarray,
    noise_variance: float = 1.0,
    pace: float = 0.5,
) -> np.ndarray:
    """Variance (n_regions,) of every region's course that explains the data best.

    Minimises ``tr(C Σ⁻¹) + log det Σ``, C the data's mean products and Σ = σ² I + G Γ Gᵀ, whose
    slope is none where r = ⟨(lᵀ Σ⁻¹ x)²⟩ / lᵀ Σ⁻¹ l is one. In each round γ ← γ r^pace.

    Parameters
    ----------
    data : ndarray, (rank, n)
        Whitened samples, or what has their products over time.
    n_times : int
        How many samples these are.
    gain : ndarray, (rank, n_regions)
    noise_variance : float
        σ².
    pace : float
        1/2 is the convex bound of Champagne, which never makes it worse (Wipf et al. 2010, eqs. 17-19,
        fixed orientation); 1 is MacKay's faster update (Wipf & Nagarajan 2009, eq. 10).
    """
    # All regions alike in field, and the data's power as the model has it.
    variance = depth_prior(gain) * np.sum(data**2) / n_times / gain.shape[1]
    kept = np.flatnonzero(variance)
    for _ in range(MAX_ROUNDS):
        if not len(kept):
            break
        field, own = gain[:, kept], variance[kept]
        model = (field * own) @ field.T + noise_variance * np.eye(len(field))
        filters = np.linalg.solve(model, field)
        power = np.sum((filters.T @ data) ** 2, axis=1) / n_times
        learned = own * (power / np.sum(field * filters, axis=0)) ** pace
        change = np.abs(learned - own).max() / own.max()
        strength = learned * np.sum(field**2, axis=0)
        heard = strength > SILENT * strength.max()
        variance = np.zeros(gain.shape[1])
        kept = kept[heard]
        variance[kept] = learned[heard]
        if change < _SETTLED:
            break
    return variance


def learning(pace: float) -> Callable[[Problem, NoOptions], tuple[np.ndarray, np.ndarray]]:
    """The mean of the courses given the average and the variances learned from it."""

    def activity(problem: Problem, options: NoOptions) -> tuple[np.ndarray, np.ndarray]:
        seen = whitened(problem)
        noise = seen.noise_variance
        variance = learned_variances(seen.components, seen.data.shape[1], seen.gain, noise, pace)
        model = (seen.gain * variance) @ seen.gain.T + noise * np.eye(len(seen.gain))
        solution = variance[:, None] * (seen.gain.T @ np.linalg.solve(model, seen.data))
        return solution, problem.spike.average.times

    return activity
