"""From the maximum to the edge of the resection."""

from pipeline.metrics._case import Case
from pipeline.metrics._metric import Metric


def value(case: Case) -> float:
    return float(case.removed.mask.edge_distance_mm(case.estimate.max_mm[None])[0])


METRIC = Metric(
    label="Maximum to the resection’s edge",
    order=170,
    reference="resection",
    unit="mm",
    digits=1,
    needs="maximum",
    definition="Distance of the map's maximum to the mask's edge, from either side",
    higher_is_better=None,
    value=value,
    resampled=True,
)
