"""From the maximum to the contacts, marked or not."""

from pipeline.metrics._case import Case
from pipeline.metrics._metric import Metric


def value(case: Case) -> float:
    return case.max_to_mm(case.contacts.contacts.pos_mri_mm)


METRIC = Metric(
    label="Maximum to nearest contact",
    order=50,
    reference="soz",
    unit="mm",
    digits=1,
    needs="maximum",
    definition="Distance of the map's maximum to the nearest contact of any kind",
    higher_is_better=None,
    value=value,
    resampled=True,
)
