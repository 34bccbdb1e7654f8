"""Which part of the sublobar regions without seizure onset is left out."""

from pipeline.metrics._case import Case
from pipeline.metrics._metric import InGroup, Metric, Published
from pipeline.metrics._overlap import sublobar_sensitivity_specificity


def value(case: Case) -> float:
    return sublobar_sensitivity_specificity(case.found_sublobar, case.onset.soz_sublobar)[1]


METRIC = Metric(
    label="Sublobar specificity",
    order=80,
    reference="soz",
    unit="fraction",
    digits=2,
    needs="extent",
    definition="Part of the sublobar regions (of 20) without SOZ contact that hold no region of "
    "the extent",
    higher_is_better=True,
    value=value,
    undefined="the SOZ is in all sublobar regions",
    in_group=InGroup(
        order=80,
        published={
            "personalized": Published(0.99, None, 29),
            "generic": Published(0.97, None, 29),
        },
    ),
)
