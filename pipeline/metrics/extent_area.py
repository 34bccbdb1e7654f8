"""How much cortex the extent covers."""

from pipeline.metrics._case import Case
from pipeline.metrics._metric import Metric


def value(case: Case) -> float:
    return float(case.head.region_area_mm2[case.extent].sum() / 100)


METRIC = Metric(
    label="Area of the extent",
    order=180,
    reference="model",
    unit="cm2",
    digits=1,
    needs="extent",
    definition="Cortical area of the extent (Otsu's threshold)",
    higher_is_better=None,
    value=value,
)
