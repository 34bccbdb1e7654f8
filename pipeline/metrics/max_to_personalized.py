"""From the maximum to that of the personalized network."""

import numpy as np

from pipeline.metrics._case import Case
from pipeline.metrics._metric import Metric


def value(case: Case) -> float:
    return float(np.linalg.norm(case.estimate.max_mm - case.personalized.max_mm))


METRIC = Metric(
    label="Maximum to the personalized maximum",
    order=190,
    reference="model",
    unit="mm",
    digits=1,
    needs="other",
    definition="Distance of the map's maximum to that of the personalized network",
    higher_is_better=None,
    value=value,
    resampled=True,
)
