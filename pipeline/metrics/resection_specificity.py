"""How much of the cortex that was left is not found."""

from pipeline.metrics._case import Case
from pipeline.metrics._metric import InGroup, Metric, Published
from pipeline.metrics._overlap import resection_specificities


def value(case: Case) -> float:
    return resection_specificities(case)[0]


METRIC = Metric(
    label="Specificity",
    order=120,
    reference="resection",
    unit="fraction",
    digits=2,
    needs="extent",
    definition="Mean of the close and the far specificity below",
    higher_is_better=True,
    value=value,
    undefined="there are no unresected regions to draw from",
    parts=("resection_specificity_close", "resection_specificity_far"),
    in_group=InGroup(
        order=10,
        label="Specificity (resection)",
        tested=True,
        column=50,
        published={
            "personalized": Published(0.90, 0.14, 21),
            "generic": Published(0.83, 0.12, 21),
            "lcmv": Published(0.43, 0.20, 21),
            "sloreta": Published(0.31, 0.21, 21),
            "cmem": Published(0.78, 0.17, 21),
        },
        published_parts={
            "temporal": Published(0.93, 0.10, 17),
            "extratemporal": Published(0.77, 0.23, 4),
        },
    ),
)
