"""The metrics table: its columns, its rows, and what they mean."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pandas as pd

from pipeline.methods import METHODS
from pipeline.methods._method import PointMethod
from pipeline.metrics import METRICS
from pipeline.metrics._metric import Metric
from pipeline.records.compare_qc import ContactsQC, ResectionQC
from pipeline.tables import to_tsv

_POINTS = {name: METHODS[name] for name in METHODS if isinstance(METHODS[name], PointMethod)}

COLUMNS = {
    "method": "Imaging method; "
    + "; ".join(
        f"for {name} the {method.short}'s position stands for the map's maximum"
        for name, method in _POINTS.items()
    ),
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
    "type": "Type of the spikes that were imaged, as in the table of spikes; 1 has most marks",
}


@dataclass
class Table:
    """Collects the rows of one type of spikes."""

    rows: list[dict]
    spike_type: int = 1

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
        part = METRICS[metric]
        assert isinstance(part, Metric)
        self.rows.append(
            {
                "method": method,
                "metric": metric,
                "value": f"{value:.4f}" if assessable else "n/a",
                "unit": part.unit,
                "ci95_low": f"{ci95[0]:.4f}" if assessable and ci95 else "n/a",
                "ci95_high": f"{ci95[1]:.4f}" if assessable and ci95 else "n/a",
                "reference": part.reference,
                "assessable": "true" if assessable else "false",
                "reason": "n/a" if assessable else reason,
                "type": self.spike_type,
            }
        )

    def add_absent(self, method: str, metrics, reason: str) -> None:
        for metric in metrics:
            self.add(method, metric, None, reason)


def as_tsv(tables: Iterable[Table]) -> str:
    """The rows of all types by type, method and metric, whatever order they came in."""
    rank = {name: index for index, name in enumerate((*METHODS, *METRICS))}
    rows = sorted(
        chain.from_iterable(table.rows for table in tables),
        key=lambda row: (row["type"], rank[row["method"]], rank[row["metric"]]),
    )
    return to_tsv(pd.DataFrame(rows, columns=COLUMNS))


def defined(method: str) -> list[str]:
    """The metrics that a method can have."""
    part = METHODS[method]
    has = {"maximum", "point" if isinstance(part, PointMethod) else "extent"}
    has |= set() if part.fine_tuned else {"other"}
    return [name for name, metric in measured().items() if metric.needs in has]


def measured() -> dict[str, Metric]:
    """The metrics of patients' tables, in their order."""
    parts = ((name, METRICS[name]) for name in METRICS)
    return {name: part for name, part in parts if isinstance(part, Metric)}


def sidecar(contacts: ContactsQC, resection: ResectionQC) -> dict:
    """BIDS description of the table's columns, with every metric's definition.

    Parameters
    ----------
    contacts, resection
        How contacts and mask came to the T1w stands beside what they mean.
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
        for name, metric in measured().items()
    }
    carried = [
        f"{each.file} ({each.space}): {each.method}{_in_words(each.quality)}"
        for each in contacts.contact_transforms
    ]
    removed = f"mask of the removed tissue; {resection.resection_space or 'none was usable'}"
    described["reference"]["Levels"] = {
        "soz": "iEEG contacts that the clinical team marked as seizure-onset zone, in the T1w by "
        + ("; ".join(carried) or "no usable coordinates"),
        "resection": removed + _in_words(resection.resection_registration or {}),
        "model": "the estimate alone or another estimate",
    }
    return described


def _in_words(quality: dict[str, float]) -> str:
    """Figures of merit as " (name value, ...)"; nothing where there are none."""
    numbers = ", ".join(f"{name} {value:g}" for name, value in quality.items())
    return f" ({numbers})" if numbers else ""
