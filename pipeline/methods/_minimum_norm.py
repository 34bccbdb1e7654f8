"""Minimum-norm solutions in units of their own, which differ in how they are standardised."""

from collections.abc import Callable
from dataclasses import dataclass

import mne
import numpy as np

from pipeline.methods._model import Problem
from pipeline.options import option


@dataclass(frozen=True)
class Options:
    """Regularisation."""

    snr: float = option(
        3.0,
        "amplitude signal-to-noise ratio that regularises the minimum norms (sLORETA, dSPM, eLORETA, MNE, "
        "wMNE, LORETA, FOCUSS) and cMEM's prior",
        low=0.1,
        high=100,
    )


def standardised(method: str) -> Callable[[Problem, Options], tuple[np.ndarray, np.ndarray]]:
    """The activity by one of mne's minimum-norm methods, regularised by 1 / snr²."""

    def activity(problem: Problem, options: Options) -> tuple[np.ndarray, np.ndarray]:
        average = problem.spike.average
        solution = mne.minimum_norm.apply_inverse(
            average,
            problem.model.inverse,
            lambda2=1 / options.snr**2,
            method=method,
            verbose="error",
        )
        return solution.data, average.times

    return activity
