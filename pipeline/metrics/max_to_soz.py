"""From the maximum to the seizure-onset contacts."""

from pipeline.metrics._case import Case
from pipeline.metrics._metric import InGroup, Metric


def value(case: Case) -> float:
    return case.max_to_mm(case.onset.soz_mm)


METRIC = Metric(
    label="Maximum to nearest SOZ contact",
    order=40,
    reference="soz",
    unit="mm",
    digits=1,
    needs="maximum",
    definition="Distance of the map's maximum to the nearest SOZ contact",
    higher_is_better=False,
    value=value,
    resampled=True,
    in_group=InGroup(order=90, column=20, heading="Maximum to SOZ"),
)
