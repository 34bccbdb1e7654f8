"""How much of the cortex that was left far from the resection is not found."""

from pipeline.metrics._case import Case
from pipeline.metrics._metric import Metric
from pipeline.metrics._overlap import resection_specificities


def value(case: Case) -> float:
    return resection_specificities(case)[2]


METRIC = Metric(
    label="Specificity, far",
    order=140,
    reference="resection",
    unit="fraction",
    digits=2,
    needs="extent",
    definition="The same, drawn within 30 mm of regions of the extent that lie further than 30 "
    "mm from the resected ones; 1 without such regions",
    higher_is_better=True,
    value=value,
    undefined="there are no unresected regions to draw from",
)
