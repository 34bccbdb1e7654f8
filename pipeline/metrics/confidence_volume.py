"""How well the noise lets a dipole's place be known."""

from pipeline.metrics._case import Case, NotAssessable
from pipeline.metrics._metric import Metric


def value(case: Case) -> float:
    volume_cm3 = case.point.confidence_volume_cm3
    if volume_cm3 is None:
        raise NotAssessable(
            "the dipole lies at the edge of the inner skull, where its fit had to stop"
        )
    return volume_cm3


METRIC = Metric(
    label="95 % confidence volume",
    order=210,
    reference="model",
    unit="cm3",
    digits=None,
    needs="point",
    definition="Volume of the dipole's joint 95 % confidence ellipsoid, from the average's noise "
    "alone",
    higher_is_better=False,
    value=value,
)
