"""How the group report calls methods, metrics and values."""

import numpy as np

from pipeline.methods import METHODS
from pipeline.metrics import METRICS
from pipeline.metrics._metric import YES_OR_NO
from reports.wording import number, written_unit

FACTOR_TITLES = {
    "epilepsy": "Temporal and extratemporal",
    "centre": "Centre",
    "outcome": "Outcome",
}
DASH = "–"


def short_name(method: str) -> str:
    return METHODS[method].short if method in METHODS else method


def metric_name(metric: str) -> str:
    """What the group's report calls a metric where no heading says what is compared with."""
    part = METRICS[metric]
    return (part.in_group.label if part.in_group else "") or part.label


def heading(metric: str) -> str:
    """A metric's name with its unit, for the column of a table."""
    part, unit = METRICS[metric], unit_of(metric)
    return (part.in_group.heading or part.label) + (f", {unit}" if unit else "")


def title(metric: str) -> str:
    """A metric's name with its unit."""
    unit = unit_of(metric)
    return metric_name(metric) + (f", {unit}" if unit else "")


def is_share(metric: str) -> bool:
    """Whether a metric is true or not in each patient, so that patients are counted."""
    return METRICS[metric].unit == YES_OR_NO


def mean_sd(metric: str, mean: float, sd: float | None) -> str:
    digits = METRICS[metric].digits
    if sd is None or not np.isfinite(sd):
        return number(mean, digits=digits)
    return f"{number(mean, digits=digits)} ± {number(sd, digits=digits)}"


def unit_of(metric: str) -> str:
    """A metric's unit; fractions and what is true or not have none."""
    unit = METRICS[metric].unit
    return "" if unit == "fraction" else written_unit(unit)
