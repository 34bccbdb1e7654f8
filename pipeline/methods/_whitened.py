"""The average and the field of the regions behind a whitener, for methods that are arrays alone."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.methods._model import Problem
from pipeline.whitening import whitener


@dataclass(frozen=True, eq=False)
class Whitened:
    """An averaged spike whose noise is white, in as many directions as the noise has.

    Attributes
    ----------
    data : ndarray, (rank, n_times)
        In standard deviations of the average's noise: a single spike's over the root of the number
        of spikes averaged.
    baseline : ndarray, (rank, n)
        Those of its samples that are taken for noise alone; none where there are none.
    gain : ndarray, (rank, n_regions)
        Field of the regions behind the same projectors and whitener, per A·m.
    """

    data: np.ndarray
    baseline: np.ndarray
    gain: np.ndarray

    @property
    def noise_variance(self) -> float:
        """1 by the noise's covariance, or more where the average's own baseline has more."""
        return max(1.0, float(np.mean(self.baseline**2))) if self.baseline.size else 1.0

    @cached_property
    def components(self) -> np.ndarray:
        """As few samples (rank, n) as have the data's products over time: ``data @ data.T``."""
        left, size, _ = np.linalg.svd(self.data, full_matrices=False)
        kept = size > 1e-10 * size[0]
        return left[:, kept] * size[kept]


def whitened(problem: Problem) -> Whitened:
    """The problem's average, baseline and leadfield in whitened sensor space."""
    spike = problem.spike
    whiten = whitener(spike.noise_matrix / spike.average.nave)
    data, baseline = spike.whitened(whiten)
    return Whitened(data, baseline, whiten @ (spike.projector @ problem.model.head.leadfield))
