"""SOZ localisation error: how far extent and seizure-onset contacts lie apart."""

from pipeline.localisation import localisation_error_mm
from pipeline.metrics._case import Case
from pipeline.metrics._metric import InGroup, Metric, Published


def value(case: Case) -> float:
    return localisation_error_mm(case.onset.soz_mm, case.found_mm)[0]


METRIC = Metric(
    label="SOZ localisation error",
    order=10,
    reference="soz",
    unit="mm",
    digits=1,
    needs="maximum",
    definition="Mean of the two one-way errors below (Sun et al. 2022)",
    higher_is_better=False,
    value=value,
    resampled=True,
    parts=("soz_to_estimate", "estimate_to_soz"),
    in_group=InGroup(
        order=50,
        tested=True,
        column=10,
        published={
            "personalized": Published(15.78, 5.53, 27),
            "generic": Published(24.86, 10.40, 27),
            "lcmv": Published(25.96, 7.06, 27),
            "sloreta": Published(24.34, 7.52, 27),
            "cmem": Published(33.14, 18.42, 27),
        },
        published_parts={
            "temporal": Published(15.91, 4.69, 20),
            "extratemporal": Published(15.41, 7.94, 7),
        },
    ),
)
