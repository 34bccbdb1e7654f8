"""Which part of the seizure onset's sublobar regions is found."""

from pipeline.metrics._case import Case
from pipeline.metrics._metric import InGroup, Metric, Published
from pipeline.metrics._overlap import sublobar_sensitivity_specificity


def value(case: Case) -> float:
    return sublobar_sensitivity_specificity(case.found_sublobar, case.onset.soz_sublobar)[0]


METRIC = Metric(
    label="Sublobar sensitivity",
    order=70,
    reference="soz",
    unit="fraction",
    digits=2,
    needs="extent",
    definition="Part of the sublobar regions with SOZ contacts that hold a region of the extent",
    higher_is_better=True,
    value=value,
    undefined="no sublobar region holds the SOZ",
    in_group=InGroup(
        order=70,
        published={
            "personalized": Published(0.77, None, 29),
            "generic": Published(0.66, None, 29),
        },
    ),
)
