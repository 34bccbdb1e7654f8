"""How much of the cortex that was left beside the resection is not found."""

from pipeline.metrics._case import Case
from pipeline.metrics._metric import Metric
from pipeline.metrics._overlap import resection_specificities


def value(case: Case) -> float:
    return resection_specificities(case)[1]


METRIC = Metric(
    label="Specificity, close",
    order=130,
    reference="resection",
    unit="fraction",
    digits=2,
    needs="extent",
    definition="Part of the area outside the extent, of as many unresected regions as are "
    "resected, drawn within 30 mm of the resected ones; mean of 100 seeded draws",
    higher_is_better=True,
    value=value,
    undefined="there are no unresected regions to draw from",
)
