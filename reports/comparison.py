"""Metrics as the report shows them: sentences for page one, one table for all methods."""

import numpy as np
import pandas as pd

from pipeline.metrics import METRICS
from pipeline.metrics._metric import YES_OR_NO
from pipeline.records.image_qc import BootstrapQC
from pipeline.records.solution import Distributed
from reports.findings import method_maxima_mm
from reports.patient import Patient
from reports.wording import (
    NOT_ASSESSABLE,
    humanise,
    method_name,
    number,
    sentence,
    written_unit,
)

REFERENCE_TITLES = {
    "soz": "Against the seizure-onset zone (SOZ)",
    "resection": "Against the resection",
    "model": "The maps themselves",
}
_SUBJECTS = {
    "soz": "Comparison with the SOZ",
    "resection": "Comparison with the resection",
    "model": "The map itself",
}
_WHOLE_REFERENCE = 3  # with this many metrics absent for one reason, the reference is
OUTSIDE_ITS_INTERVAL = (
    "the value lies outside its interval: few averages of resampled spikes show what this one shows"
)


def is_true(value) -> bool:
    return str(value).strip().lower() in {"true", "yes", "1", "1.0"}


class Metrics:
    """The long metrics table, asked for one value at a time."""

    def __init__(self, patient: Patient):
        self._patient = patient
        self._table = patient.metrics
        self._descriptions = patient.metric_descriptions
        self._methods = patient.methods

    def row(self, method: str, metric: str) -> pd.Series | None:
        if self._table.empty:
            return None
        rows = self._table[(self._table["method"] == method) & (self._table["metric"] == metric)]
        return None if rows.empty else rows.iloc[0]

    def value(self, method: str, metric: str):
        """The stored value, None where it is absent or not assessable."""
        row = self.row(method, metric)
        if row is None or not is_true(row["assessable"]) or pd.isna(row["value"]):
            return None
        return row["value"]

    def aside(self, method: str, metric: str) -> str:
        """What averages of resampled spikes say of a distance of the maximum, in brackets.

        Its 95 % interval; of one without width, how often the maximum stayed in its region and how
        wide that is, because a place is no finer. Empty where spikes were not resampled.
        """
        row = self.row(method, metric)
        printed = None if row is None else _printed_interval(row)
        if row is None or printed is None:
            return ""
        low, high = printed
        if not _without_width(row):
            return f" (95\u00a0% interval {low} to {high}\u00a0{written_unit(row['unit'])})"
        resampled = self._resampled(method)
        if resampled is None:
            return ""
        n = resampled.n_resamples
        return (
            f" (it stayed in its region, which is about {_width(resampled)} wide, in "
            f"{round(resampled.same_max_region_share * n)} of {n} averages of resampled spikes)"
        )

    def reason(self, method: str, metric: str) -> str:
        """Why a value is not assessable."""
        row = self.row(method, metric)
        if row is None:
            return "the comparison left no such metric"
        return "no reason was given" if pd.isna(row["reason"]) else str(row["reason"])

    def not_assessable(self, method: str) -> list[str]:
        """What could not be assessed for one method's map, a sentence for each reason."""
        if self._table.empty:
            return ["Comparison with SOZ and resection: the comparison left no metrics."]
        own = self._table[
            (self._table["method"] == method) & ~self._table["assessable"].map(is_true)
        ]
        told = []
        for (reference, reason), rows in own.groupby(
            ["reference", "reason"], sort=False, dropna=False
        ):
            names = [self.name(metric) for metric in rows["metric"]]
            what = _SUBJECTS[reference] if len(names) >= _WHOLE_REFERENCE else ", ".join(names)
            told.append(sentence(f"{what}: {'no reason was given' if pd.isna(reason) else reason}"))
        return told

    def name(self, metric: str) -> str:
        return METRICS[metric].label if metric in METRICS else humanise(metric)

    @property
    def has_intervals(self) -> bool:
        return "ci95_low" in self._table and bool(self._table["ci95_low"].notna().any())

    def definitions(self) -> list[tuple[str, str]]:
        """Name and definition of every metric in the table, as its sidecar has them."""
        if self._table.empty:
            return []
        levels = self._descriptions.get("metric", {}).get("Levels", {})
        return [
            (self.name(metric), levels[metric]["Description"])
            for metric in self._table["metric"].drop_duplicates()
            if metric in levels
        ]

    def groups(self) -> tuple[list[dict], list[str]]:
        """Rows for each reference, one cell per method, and the notes that the cells point to.

        A row in which no method is assessable has the reasons in words instead of cells.
        """
        notes: list[str] = []
        groups = []
        for reference, title in REFERENCE_TITLES.items():
            if self._table.empty:
                break
            own = self._table[self._table["reference"] == reference]
            rows = [
                self._table_row(metric, own[own["metric"] == metric], notes)
                for metric in own["metric"].drop_duplicates()
            ]
            if rows:
                groups.append({"title": title, "rows": rows})
        return groups, notes

    def _table_row(self, metric: str, rows: pd.DataFrame, notes: list[str]) -> dict:
        cells, reasons = [], []
        for method in self._methods:
            of_method = rows[rows["method"] == method]
            if of_method.empty:
                cells.append({"text": "–", "note": None, "missing": True})
                continue
            row = of_method.iloc[0]
            if is_true(row["assessable"]) and not pd.isna(row["value"]):
                note = OUTSIDE_ITS_INTERVAL if _outside(row) else self._why_no_width(row)
                cells.append({**self._text(row), "note": note, "missing": False})
                reasons.append(None)
                continue
            reason = "no reason was given" if pd.isna(row["reason"]) else str(row["reason"])
            reasons.append(reason)
            cells.append({"text": NOT_ASSESSABLE, "note": reason, "missing": True})
        units = rows["unit"].dropna().unique()
        common = "; ".join(dict.fromkeys(reasons)) if reasons and all(reasons) else None
        if common is None:
            for cell in cells:
                if cell["note"] and cell["note"] not in notes:
                    notes.append(cell["note"])
                cell["note"] = notes.index(cell["note"]) + 1 if cell["note"] else None
        return {
            "name": self.name(metric),
            "unit": written_unit(units[0]) if len(units) else "",
            "cells": cells,
            "none": common,
        }

    def _resampled(self, method: str) -> BootstrapQC | None:
        found = self._patient.image.methods.get(method)
        return None if found is None else found.bootstrap

    def _why_no_width(self, row: pd.Series) -> str | None:
        """Why a value has no interval although spikes were resampled; None where it has one."""
        resampled = self._resampled(row["method"])
        if resampled is None or not _without_width(row):
            return None
        return (
            "no interval: at least 95 % of the averages of resampled spikes give this value, since "
            "places are no finer than regions (that of this maximum is about "
            f"{_width(resampled)} wide)"
        )

    @staticmethod
    def _text(row: pd.Series) -> dict[str, str]:
        if row["unit"] == YES_OR_NO:
            return {"text": "yes" if float(row["value"]) else "no"}
        cell = {"text": number(row["value"], digits=_digits(row["metric"]))}
        printed = _printed_interval(row)
        if printed and (_outside(row) or not _without_width(row)):
            cell["interval"] = f"({'–'.join(printed)})"
        return cell


def _width(resampled: BootstrapQC) -> str:
    """Across a disc of the area of the maximum's region."""
    return number(2 * resampled.region_radius_mm, "mm", 0)


def _digits(metric: str) -> int | None:
    return METRICS[metric].digits if metric in METRICS else None


def _interval(row: pd.Series) -> tuple[float, float] | None:
    """Ends of the 95 % interval, where the comparison could give one."""
    ends = row.get("ci95_low"), row.get("ci95_high")
    return None if any(pd.isna(end) for end in ends) else ends


def _printed_interval(row: pd.Series) -> tuple[str, str] | None:
    """The interval's ends, with more digits than the value where they would look alike."""
    ends = _interval(row)
    if ends is None:
        return None
    digits = _digits(row["metric"])
    low, high = (number(end, digits=digits) for end in ends)
    while low == high and not _without_width(row):
        digits = (digits or 0) + 1
        low, high = (number(end, digits=digits) for end in ends)
    return low, high


def _without_width(row: pd.Series) -> bool:
    """Whether every average of resampled spikes but the outermost gave one value."""
    ends = _interval(row)
    return ends is not None and not ends[1] - ends[0] >= 1e-6


def _outside(row: pd.Series) -> bool:
    ends = _interval(row)
    return ends is not None and not ends[0] - 1e-6 <= row["value"] <= ends[1] + 1e-6


def agreement(patient: Patient) -> dict:
    """Every pair of methods: distance of the maxima, overlap of the extents.

    Returns
    -------
    table : dict
        "names": the methods; "rows": one per method, one cell per method. Below the diagonal a
        cell holds the distance in mm, above it the overlap 2 |A ∩ B| / (|A| + |B|) of the extents'
        areas (Dice 1945); None on the diagonal and where a method has no extent.
    """
    maxima = method_maxima_mm(patient)
    area = patient.head.region_area_mm2
    methods = list(maxima)
    rows = []
    for i, a in enumerate(methods):
        cells = []
        for j, b in enumerate(methods):
            if i > j:
                cells.append(number(np.linalg.norm(maxima[a] - maxima[b]), digits=0))
            elif i < j and all(isinstance(patient.solutions[m], Distributed) for m in (a, b)):
                first, second = patient.solutions[a].extent, patient.solutions[b].extent
                both = area[first].sum() + area[second].sum()
                shared = 2 * area[first & second].sum() / both if both else np.nan
                cells.append(number(shared, digits=2))
            else:
                cells.append(None)
        rows.append({"name": method_name(a), "cells": cells})
    return {"names": [method_name(method) for method in methods], "rows": rows}
