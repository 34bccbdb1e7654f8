"""From the seizure-onset contacts to the extent."""

from pipeline.localisation import localisation_error_mm
from pipeline.metrics._case import Case
from pipeline.metrics._metric import Metric


def value(case: Case) -> float:
    return localisation_error_mm(case.onset.soz_mm, case.found_mm)[1]


METRIC = Metric(
    label="SOZ to extent",
    order=20,
    reference="soz",
    unit="mm",
    digits=1,
    needs="maximum",
    definition="Mean distance of each SOZ contact to its nearest region of the extent",
    higher_is_better=False,
    value=value,
    resampled=True,
)
