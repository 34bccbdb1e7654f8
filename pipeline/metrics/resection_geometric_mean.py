"""One number for sensitivity and specificity against the resection."""

import numpy as np

from pipeline.metrics._metric import Derived, InGroup, Published


def combined(sensitivity: np.ndarray, specificity: np.ndarray) -> np.ndarray:
    return np.sqrt(sensitivity * specificity)


METRIC = Derived(
    label="Geometric mean of the two",
    order=145,
    unit="fraction",
    digits=2,
    definition="Square root of the product of sensitivity and specificity against the resection",
    higher_is_better=True,
    parts=("resection_sensitivity", "resection_specificity"),
    combined=combined,
    in_group=InGroup(
        order=30,
        tested=True,
        published={
            "personalized": Published(0.54, 0.28, 21),
            "lcmv": Published(0.43, 0.23, 21),
            "sloreta": Published(0.41, 0.21, 21),
            "cmem": Published(0.30, 0.30, 21),
        },
    ),
)
