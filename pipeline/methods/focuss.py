"""FOCUSS: a minimum norm that is repeated with its own solution as the prior until few regions are left."""

import numpy as np

from pipeline.methods._method import MapMethod
from pipeline.methods._minimum_norm import Options
from pipeline.methods._model import Problem
from pipeline.methods._weighted import weighted_kernel
from pipeline.methods._whitened import whitened
from pipeline.methods.wmne import depth_prior

SPARSITY = 0.8
SILENT = 1e-3
MAX_ROUNDS = 30
# Of the solution's change in a round, below which there is no other.
_SETTLED = 1e-4


def focuss_kernel(data: np.ndarray, gain: np.ndarray, snr: float) -> np.ndarray:
    """Kernel (n_regions, rank) that FOCUSS settles on, the same for all samples.

    Variances are ‖s‖^(2 - p), s a region's course in the round before (Gorodnitsky, George & Rao 1995;
    jointly over time, Cotter et al. 2005, eq. 13), from the depth-weighted minimum norm on; what falls
    below a thousandth of the largest is silent from then on.

    Parameters
    ----------
    data : ndarray, (rank, n)
        Whitened samples, or what has their products over time.
    gain : ndarray, (rank, n_regions)
    snr : float
        Amplitude signal-to-noise ratio, which regularises every round.
    """
    prior = depth_prior(gain)
    size = np.linalg.norm(weighted_kernel(gain, prior, snr) @ data, axis=1)
    for _ in range(MAX_ROUNDS):
        if not size.any():
            break
        before = size / size.max()
        prior = np.where(before > SILENT, before, 0) ** (2 - SPARSITY)
        size = np.linalg.norm(weighted_kernel(gain, prior, snr) @ data, axis=1)
        if np.abs(size / size.max() - before).max() < _SETTLED:
            break
    return weighted_kernel(gain, prior, snr)


def activity(problem: Problem, options: Options) -> tuple[np.ndarray, np.ndarray]:
    """FOCUSS on the whole average."""
    seen = whitened(problem)
    kernel = focuss_kernel(seen.components, seen.gain, options.snr)
    return kernel @ seen.data, problem.spike.average.times


METHOD = MapMethod(
    label="FOCUSS",
    short="FOCUSS",
    order=72,
    marker="d",
    colour="#bcbd22",
    sentence="FOCUSS {cite}, whose maps are sparser than the sources",
    references={
        "focuss": "Gorodnitsky IF, George JS, Rao BD. Neuromagnetic source imaging with FOCUSS: a "
        "recursive weighted minimum norm algorithm. Electroencephalogr Clin Neurophysiol "
        "1995;95:231–251."
    },
    options=Options,
    unit="A·m",
    activity=activity,
)
