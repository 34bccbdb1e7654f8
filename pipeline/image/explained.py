"""How much of the averaged spike's field a map explains at its peak."""

import numpy as np

from pipeline.methods._model import Problem
from pipeline.methods._whitened import whitened
from pipeline.records.solution import Distributed

# Units of activity that predicts a field: as it is, or up to one factor.
_CURRENT, _RELATIVE = "A·m", "relative"


class NoField(ValueError):
    """Says why a map predicts no field."""


def explained_percent(problem: Problem, solution: Distributed) -> float:
    """Explained variance of a map in the window around the peak, %.

    Data and leadfield stand behind the recording's projectors and the whitener of the noise; the
    window is the map's own. Activity in relative units is given the one factor, not negative, that
    fits best.

    Raises
    ------
    NoField
        The map's values are scores.
    """
    if solution.unit not in (_CURRENT, _RELATIVE):
        raise NoField(
            f"its values are scores ({solution.unit}), not currents: they predict no field"
        )
    seen, times_s = whitened(problem), problem.spike.average.times
    own = np.flatnonzero(np.abs(solution.times_s) <= problem.window_s / 2 + 1e-6)
    samples = np.abs(times_s[:, None] - solution.times_s[own]).argmin(0)
    return variance_explained_percent(
        seen.data[:, samples],
        seen.gain @ solution.activity[:, own].astype(float),
        any_size=solution.unit == _RELATIVE,
    )


def variance_explained_percent(
    data: np.ndarray, predicted: np.ndarray, any_size: bool = False
) -> float:
    """``1 - |data - predicted|² / |data|²`` in per cent; below 0 where silence would fit better.

    Parameters
    ----------
    data, predicted : ndarray, (n_channels, n_times)
        Whitened.
    any_size : bool
        Give the prediction the factor, at least 0, with which it explains most.
    """
    power = float((predicted**2).sum())
    if any_size and power:
        predicted = max(0.0, float((data * predicted).sum()) / power) * predicted
    return 100 * (1 - float(((data - predicted) ** 2).sum()) / float((data**2).sum()))
