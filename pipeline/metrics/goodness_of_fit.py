"""How much of the field a dipole explains."""

from pipeline.metrics._case import Case
from pipeline.metrics._metric import Metric


def value(case: Case) -> float:
    return case.point.gof_percent


METRIC = Metric(
    label="Goodness of fit",
    order=200,
    reference="model",
    unit="percent",
    digits=0,
    needs="point",
    definition="Variance of the whitened field that the dipole explains",
    higher_is_better=True,
    value=value,
)
