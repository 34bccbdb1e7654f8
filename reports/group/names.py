"""How the group report calls methods, metrics and values."""

import numpy as np

from pipeline.methods import METHODS
from reports.wording import number

METRIC_NAMES = {
    "resection_specificity": "Specificity (resection)",
    "resection_sensitivity": "Sensitivity (resection)",
    "resection_geometric_mean": "Geometric mean of the two",
    "spatial_dispersion": "Spatial dispersion (resection)",
    "soz_localisation_error": "SOZ localisation error",
    "sublobar_concordance": "Sublobar concordance",
    "sublobar_sensitivity": "Sublobar sensitivity",
    "sublobar_specificity": "Sublobar specificity",
    "max_to_soz": "Maximum to nearest SOZ contact",
    "max_in_resection": "Maximum inside the resection",
}
DIGITS = {"mm": 1}
SHARES = {"sublobar_concordance", "max_in_resection"}
FACTOR_TITLES = {
    "epilepsy": "Temporal and extratemporal",
    "centre": "Centre",
    "outcome": "Outcome",
}
DASH = "–"


def short_name(method: str) -> str:
    return METHODS[method].short if method in METHODS else method


def mean_sd(mean: float, sd: float | None, unit: str) -> str:
    digits = DIGITS.get(unit, 2)
    if sd is None or not np.isfinite(sd):
        return number(mean, digits=digits)
    return f"{number(mean, digits=digits)} ± {number(sd, digits=digits)}"


def unit_of(metric: str) -> str:
    if metric in ("spatial_dispersion", "soz_localisation_error", "max_to_soz"):
        return "mm"
    return ""
