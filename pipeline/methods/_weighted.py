"""Minimum norms whose prior is not the same for all regions."""

from collections.abc import Callable

import numpy as np

from pipeline.methods._minimum_norm import Options
from pipeline.methods._model import Problem
from pipeline.methods._whitened import Whitened, whitened


def weighted_kernel(gain: np.ndarray, prior: np.ndarray, snr: float) -> np.ndarray:
    """Kernel (n_regions, rank) of the minimum norm under a prior covariance of the sources.

    ``R Gᵀ (G R Gᵀ + λ I)⁻¹`` (Huang et al. 2022, their wMNE and LORETA; Hämäläinen & Ilmoniemi
    1994), with λ the mean eigenvalue of G R Gᵀ over `snr`², as mne scales it.

    Parameters
    ----------
    gain : ndarray, (rank, n_regions)
        Whitened.
    prior : ndarray, (n_regions,) or (n_regions, n_regions)
        Variances, or the whole covariance, up to a factor.
    snr : float
        Amplitude signal-to-noise ratio.
    """
    spread = prior[:, None] * gain.T if prior.ndim == 1 else prior @ gain.T
    covariance = gain @ spread
    ridge = np.trace(covariance) / len(covariance) / snr**2
    return np.linalg.solve(covariance + ridge * np.eye(len(covariance)), spread.T).T


def weighted(
    prior: Callable[[Problem, Whitened], np.ndarray],
) -> Callable[[Problem, Options], tuple[np.ndarray, np.ndarray]]:
    """The activity by the weighted minimum norm with the prior that the function gives."""

    def activity(problem: Problem, options: Options) -> tuple[np.ndarray, np.ndarray]:
        seen = whitened(problem)
        kernel = weighted_kernel(seen.gain, prior(problem, seen), options.snr)
        return kernel @ seen.data, problem.spike.average.times

    return activity
