"""Whether the maximum was removed."""

from pipeline.metrics._case import Case
from pipeline.metrics._metric import YES_OR_NO, InGroup, Metric


def value(case: Case) -> float:
    return float(case.removed.mask.holds(case.estimate.max_mm[None])[0])


METRIC = Metric(
    label="Maximum inside the resection",
    order=160,
    reference="resection",
    unit=YES_OR_NO,
    digits=0,
    needs="maximum",
    definition="1 where the map's maximum lies in the mask",
    higher_is_better=True,
    value=value,
    in_group=InGroup(order=100, column=70, heading="Maximum in resection"),
)
