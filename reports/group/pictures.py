"""The group report's pictures, with captions and alternative texts."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.methods import METHODS
from pipeline.methods._method import NetworkMethod, PointMethod
from pipeline.metrics import METRICS
from reports.figures import style
from reports.group import figures
from reports.group.analysis import FIRST, panels
from reports.group.cohort import NOT_SEIZURE_FREE, SEIZURE_FREE, Cohort
from reports.group.names import metric_name, short_name, unit_of
from reports.wording import NOT_ASSESSABLE, listing, method_name, number


@dataclass(frozen=True)
class Picture:
    """A figure's file, what it shows in words, and its caption."""

    file: Path
    alt: str
    caption: str


def draw(cohort: Cohort, folder: Path) -> dict[str, Picture]:
    """The pictures that have anything to show."""
    has_values = any(cohort.values(metric, FIRST).notna().any() for metric in panels())
    pictures = {}
    if cohort.values("sublobar_concordance", FIRST).notna().any():
        pictures["concordance"] = _concordance_picture(cohort, folder)
    if not has_values:
        return pictures
    networks = [name for name in METHODS if isinstance(METHODS[name], NetworkMethod)]
    maps = [name for name in cohort.methods if _is_map(name)]
    for name, methods in (("networks", networks), ("methods", [FIRST, *maps])):
        there = [method for method in methods if method in cohort.methods]
        if len(there) > 1:
            pictures[name] = _methods_picture(cohort, folder, name, there)
    return pictures


def _is_map(name: str) -> bool:
    """Whether a method stands beside the networks with maps, as one that is not known may."""
    return name not in METHODS or not isinstance(METHODS[name], NetworkMethod | PointMethod)


def _concordance_picture(cohort: Cohort, folder: Path) -> Picture:
    published = METRICS["sublobar_concordance"].in_group.published
    rows = [
        (
            method_name(method),
            int(values.sum()),
            len(values),
            published[method].mean if method in published else None,
        )
        for method in cohort.methods
        if len(values := cohort.values("sublobar_concordance", method).dropna())
    ]
    file = folder / "group_concordance_figure.svg"
    style.save(figures.shares(rows), file)
    alt = "Sublobar concordance: " + "; ".join(f"{n}, {k} of {m}" for n, k, m, _ in rows)
    caption = (
        "Patients whose map’s maximum lies in a sublobar region that holds an SOZ contact, of those "
        "in whom that is assessable. Maxima that no contact could have confirmed are not counted."
    )
    return Picture(file, alt, caption)


def _filled(cohort: Cohort, patients: pd.Index) -> np.ndarray:
    return (cohort.patients.loc[patients, "outcome"] != NOT_SEIZURE_FREE).to_numpy()


def _dot_meanings(cohort: Cohort) -> tuple[str, str]:
    outcomes = set(cohort.patients["outcome"])
    if NOT_SEIZURE_FREE not in outcomes:
        return "", "one patient"
    stated = "seizure-free" if outcomes == {SEIZURE_FREE, NOT_SEIZURE_FREE} else None
    return "patient, not seizure-free", f"patient, {stated or 'seizure-free or not stated'}"


def _methods_picture(cohort: Cohort, folder: Path, name: str, methods: list[str]) -> Picture:
    shown = [
        figures.Panel(
            metric_name(metric),
            unit_of(metric),
            [
                figures.Group(
                    short_name(method),
                    cohort.values(metric, method).to_numpy(),
                    _filled(cohort, cohort.patients.index),
                    METRICS[metric].in_group.published.get(method),
                )
                for method in methods
            ],
            fraction=METRICS[metric].unit == "fraction",
        )
        for metric in panels()
    ]
    what = listing([method_name(method) for method in methods])
    of = "4c" if name == "networks" else "5a"
    caption = (
        f"{what} against resection and SOZ, as in figure {of} of Sun et al. 2022. "
        + _box_caption(shown)
    )
    return _save(shown, folder, name, True, cohort, caption)


def _box_caption(panels: list[figures.Panel]) -> str:
    sizes = [int(np.isfinite(g.values).sum()) for panel in panels for g in panel.groups]
    if max(sizes) < figures.BOX_FROM:
        return f"No boxes: fewer than {figures.BOX_FROM} values each."
    return f"Boxes from {figures.BOX_FROM} values on."


def _save(panels, folder: Path, name: str, paired: bool, cohort: Cohort, caption: str) -> Picture:
    rings, dots = _dot_meanings(cohort)
    file = folder / f"group_{name}_figure.svg"
    style.save(figures.boxes(panels, paired, rings, dots), file)
    told = []
    for panel in panels:
        groups = []
        for group in panel.groups:
            values = group.values[np.isfinite(group.values)]
            middle = number(np.median(values), panel.unit, 2) if len(values) else NOT_ASSESSABLE
            groups.append(f"{group.name} {middle} (n = {len(values)})")
        told.append(f"{panel.title}: {', '.join(groups)}")
    return Picture(file, "Box plots, medians: " + "; ".join(told), caption)
