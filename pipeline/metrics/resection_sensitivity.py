"""How much of the resected cortex is found."""

from pipeline.metrics._case import Case
from pipeline.metrics._metric import InGroup, Metric, Published
from pipeline.metrics._overlap import sensitivity


def value(case: Case) -> float:
    return sensitivity(case.extent, case.resected, case.head.region_area_mm2)


METRIC = Metric(
    label="Sensitivity",
    order=110,
    reference="resection",
    unit="fraction",
    digits=2,
    needs="extent",
    definition="Part of the resected regions' area that lies in the extent; a region is resected"
    " if more than the share region_share (default 0.5) of its area lies in the mask",
    higher_is_better=True,
    value=value,
    in_group=InGroup(
        order=20,
        label="Sensitivity (resection)",
        tested=True,
        column=40,
        published={
            "personalized": Published(0.41, 0.29, 21),
            "generic": Published(0.14, 0.20, 21),
            "lcmv": Published(0.54, 0.34, 21),
            "sloreta": Published(0.76, 0.28, 21),
            "cmem": Published(0.23, 0.28, 21),
        },
        published_parts={
            "temporal": Published(0.37, 0.27, 17),
            "extratemporal": Published(0.58, 0.35, 4),
        },
    ),
)
