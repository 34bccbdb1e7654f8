"""The metrics table: which metrics there are, what they mean, and the rows of one method."""

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.methods import METHODS
from pipeline.methods._method import PointMethod
from pipeline.tables import to_tsv


@dataclass(frozen=True)
class Metric:
    """One metric: what it is compared with, its unit, what it needs, its definition.

    Attributes
    ----------
    reference : str
        "soz", "resection", or "model" for neither.
    needs : str
        "maximum" for every method, "extent" for all but the dipole, "dipole" for it alone.
    """

    reference: str
    unit: str
    needs: str
    definition: str


METRICS = {
    "soz_localisation_error": Metric(
        "soz", "mm", "maximum", "Mean of the two one-way errors below (Sun et al. 2022)"
    ),
    "soz_to_estimate": Metric(
        "soz",
        "mm",
        "maximum",
        "Mean distance of each SOZ contact to its nearest region of the extent",
    ),
    "estimate_to_soz": Metric(
        "soz",
        "mm",
        "maximum",
        "Mean distance of each region of the extent to its nearest SOZ contact",
    ),
    "max_to_soz": Metric(
        "soz", "mm", "maximum", "Distance of the map's maximum to the nearest SOZ contact"
    ),
    "max_to_contact": Metric(
        "soz", "mm", "maximum", "Distance of the map's maximum to the nearest contact of any kind"
    ),
    "sublobar_concordance": Metric(
        "soz",
        "0 or 1",
        "maximum",
        "1 where the maximum's sublobar region holds an SOZ contact. Not assessable where"
        " it does not and no contact lies within 20 mm of the maximum: not sampled is no "
        "miss",
    ),
    "sublobar_sensitivity": Metric(
        "soz",
        "fraction",
        "extent",
        "Part of the sublobar regions with SOZ contacts that hold a region of the extent",
    ),
    "sublobar_specificity": Metric(
        "soz",
        "fraction",
        "extent",
        "Part of the sublobar regions (of 20) without SOZ contact that hold no region of "
        "the extent",
    ),
    "sublobar_specificity_sampled": Metric(
        "soz",
        "fraction",
        "extent",
        "The same over the sublobar regions that hold any contact: where none was placed,"
        " the estimate can be neither confirmed nor refuted",
    ),
    "sampled_share": Metric(
        "soz", "fraction", "extent", "Part of the extent's area within 20 mm of any contact"
    ),
    "resection_sensitivity": Metric(
        "resection",
        "fraction",
        "extent",
        "Part of the resected regions' area that lies in the extent; a region is resected"
        " if more than the share region_share (default 0.5) of its area lies in the mask",
    ),
    "resection_specificity": Metric(
        "resection", "fraction", "extent", "Mean of the close and the far specificity below"
    ),
    "resection_specificity_close": Metric(
        "resection",
        "fraction",
        "extent",
        "Part of the area outside the extent, of as many unresected regions as are "
        "resected, drawn within 30 mm of the resected ones; mean of 100 seeded draws",
    ),
    "resection_specificity_far": Metric(
        "resection",
        "fraction",
        "extent",
        "The same, drawn within 30 mm of regions of the extent that lie further than 30 "
        "mm from the resected ones; 1 without such regions",
    ),
    "spatial_dispersion": Metric(
        "resection",
        "mm",
        "extent",
        "Mean distance of the extent's regions to the mask, weighted by their activity",
    ),
    "max_in_resection": Metric(
        "resection", "0 or 1", "maximum", "1 where the map's maximum lies in the mask"
    ),
    "max_to_resection_edge": Metric(
        "resection",
        "mm",
        "maximum",
        "Distance of the map's maximum to the mask's edge, from either side",
    ),
    "extent_area": Metric(
        "model", "cm2", "extent", "Cortical area of the extent (Otsu's threshold)"
    ),
    "max_to_personalized": Metric(
        "model",
        "mm",
        "maximum",
        "Distance of the map's maximum to that of the personalized network",
    ),
    "goodness_of_fit": Metric(
        "model", "percent", "dipole", "Variance of the whitened field that the dipole explains"
    ),
    "confidence_volume": Metric(
        "model",
        "cm3",
        "dipole",
        "Volume of the dipole's joint 95 % confidence ellipsoid, from the average's noise alone",
    ),
}

COLUMNS = {
    "method": "Imaging method; for ecd the dipole's position stands for the map's maximum",
    "metric": "Name of the metric, described in Levels",
    "value": "Value of the metric; n/a where it is not assessable",
    "unit": "Unit of the value",
    "ci95_low": "Lower end of the value's 95 % interval over averages of resampled spikes, for the "
    "networks' distances; n/a elsewhere. It is no finer than the regions, and does not hold errors "
    "that all spikes share, such as those of head model and co-registration",
    "ci95_high": "Upper end of that interval",
    "reference": "What the estimate is compared with: soz, resection, or model for neither",
    "assessable": "Whether the data allow the metric: true or false",
    "reason": "Why the metric is not assessable",
}


@dataclass
class Table:
    """Collects rows; the file lists them by method and metric, whatever order they came in."""

    rows: list[dict]

    def add(
        self,
        method: str,
        metric: str,
        value: float | None,
        reason: str | None = None,
        ci95: tuple[float, float] | None = None,
    ) -> None:
        """Add a value, with its interval of 95 %, or with `value` None or NaN the `reason`."""
        assessable = value is not None and math.isfinite(value)
        if not assessable and not reason:
            raise ValueError(f"{metric} has neither a value nor a reason")
        self.rows.append(
            {
                "method": method,
                "metric": metric,
                "value": f"{value:.4f}" if assessable else "n/a",
                "unit": METRICS[metric].unit,
                "ci95_low": f"{ci95[0]:.4f}" if assessable and ci95 else "n/a",
                "ci95_high": f"{ci95[1]:.4f}" if assessable and ci95 else "n/a",
                "reference": METRICS[metric].reference,
                "assessable": "true" if assessable else "false",
                "reason": "n/a" if assessable else reason,
            }
        )

    def add_absent(self, method: str, metrics, reason: str) -> None:
        for metric in metrics:
            self.add(method, metric, None, reason)

    def tsv(self) -> str:
        rank = {name: index for index, name in enumerate((*METHODS, *METRICS))}
        rows = sorted(self.rows, key=lambda row: (rank[row["method"]], rank[row["metric"]]))
        return to_tsv(pd.DataFrame(rows, columns=COLUMNS))


def defined(reference: str, method: str) -> list[str]:
    """The metrics that a method can have against a reference."""
    needs = ("maximum", "dipole" if isinstance(METHODS[method], PointMethod) else "extent")
    names = [
        name
        for name, metric in METRICS.items()
        if metric.reference == reference and metric.needs in needs
    ]
    if METHODS[method].fine_tuned:
        names = [name for name in names if name != "max_to_personalized"]
    return names


def sidecar(qc: dict) -> dict:
    """BIDS description of the table's columns, with every metric's definition.

    Parameters
    ----------
    qc : dict
        What the stage measured: how contacts and mask came to the T1w stands beside what they mean.
    """
    described: dict[str, dict[str, Any]] = {
        name: {"Description": text} for name, text in COLUMNS.items()
    }
    described["metric"]["Levels"] = {
        name: {
            "Description": metric.definition,
            "Units": metric.unit,
            "Reference": metric.reference,
        }
        for name, metric in METRICS.items()
    }
    carried = [
        f"{each['file']} ({each['space']}): {each['method']}{_in_words(each['quality'])}"
        for each in qc["contact_transforms"]
    ]
    removed = f"mask of the removed tissue; {qc.get('resection_space', 'none was usable')}"
    described["reference"]["Levels"] = {
        "soz": "iEEG contacts that the clinical team marked as seizure-onset zone, in the T1w by "
        + ("; ".join(carried) or "no usable coordinates"),
        "resection": removed + _in_words(qc.get("resection_registration", {})),
        "model": "the estimate alone or another estimate",
    }
    return described


def _in_words(quality: dict[str, float]) -> str:
    """Figures of merit as " (name value, ...)"; nothing where there are none."""
    numbers = ", ".join(f"{name} {value:g}" for name, value in quality.items())
    return f" ({numbers})" if numbers else ""
