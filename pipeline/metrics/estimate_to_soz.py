"""From the extent to the seizure-onset contacts."""

from pipeline.localisation import localisation_error_mm
from pipeline.metrics._case import Case
from pipeline.metrics._metric import Metric


def value(case: Case) -> float:
    return localisation_error_mm(case.onset.soz_mm, case.found_mm)[2]


METRIC = Metric(
    label="Extent to SOZ",
    order=30,
    reference="soz",
    unit="mm",
    digits=1,
    needs="maximum",
    definition="Mean distance of each region of the extent to its nearest SOZ contact",
    higher_is_better=False,
    value=value,
    resampled=True,
)
