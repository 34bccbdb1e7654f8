"""What the grades of certainty meant: on simulated patients, and by resection and SOZ in the cohort."""

from dataclasses import dataclass

import numpy as np

from pipeline.records.image_qc import Grade
from reports.group.analysis import FIRST
from reports.group.cohort import SEIZURE_FREE, Cohort
from reports.group.names import DASH
from reports.group.statistics import Interval, wilson
from reports.wording import NOT_ASSESSABLE, count, number


@dataclass(frozen=True)
class OfGrade:
    """The patients of one grade.

    Attributes
    ----------
    grade : Grade or None
        With what it meant on simulated patients; None for maps without a grade.
    n_patients : int
        With a map.
    inside : Interval
        Share whose maximum was resected, of those who became seizure-free.
    n_inside, n_resected : int
        Their numbers: maximum inside, and all.
    to_soz_mm : ndarray
        Distances of the maximum to the nearest SOZ contact, where assessable.
    """

    grade: Grade | None
    n_patients: int
    inside: Interval
    n_inside: int
    n_resected: int
    to_soz_mm: np.ndarray


def of_grades(cohort: Cohort) -> list[OfGrade]:
    """The cohort by grade, the surest first, maps without a grade last."""
    inside = cohort.values("max_in_resection", FIRST)
    to_soz_mm = cohort.values("max_to_soz", FIRST)
    free = cohort.patients["outcome"] == SEIZURE_FREE
    mapped = [name for name, method in cohort.metrics.index if method == FIRST]
    by_name: dict[str, list[str]] = {}
    for patient in mapped:
        grade = cohort.grades.get(patient)
        by_name.setdefault("" if grade is None else grade.name, []).append(patient)
    found = []
    for name in sorted(by_name, key=lambda name: (not name, name)):
        own = by_name[name]
        known = inside[own][free[own]].dropna()
        n_inside = int((known == 1).sum())
        found.append(
            OfGrade(
                cohort.grades.get(own[0]),
                len(own),
                wilson(n_inside, len(known)),
                n_inside,
                len(known),
                to_soz_mm[own].dropna().to_numpy(),
            )
        )
    return found


def content(cohort: Cohort) -> dict:
    """The table's rows, or why there is none."""
    found = of_grades(cohort)
    if not any(each.grade for each in found):
        return {"rows": [], "reason": "in no patient was a grade of certainty given"}
    if not any(each.n_resected or len(each.to_soz_mm) for each in found):
        reason = (
            "in no patient is it known where the seizures arose: none is seizure-free with a resection "
            "that was compared, and none has contacts in the seizure-onset zone"
        )
        return {"rows": [], "reason": reason}
    return {"rows": [_row(each) for each in found], "reason": ""}


def _row(found: OfGrade) -> dict[str, str]:
    grade = found.grade
    n = found.n_resected
    distances_mm = found.to_soz_mm
    return {
        "name": "none" if grade is None else grade.name,
        "meant": DASH
        if grade is None
        else f"{number(grade.median_error_mm, 'mm', 1)}, {number(grade.percentile_90_error_mm, 'mm', 1)}",
        "within": DASH if grade is None else f"{100 * grade.within_15_mm:.0f} %",
        "n": str(found.n_patients),
        "inside": f"{found.n_inside} of {n} ({found.inside.told})" if n else NOT_ASSESSABLE,
        "to_soz": f"{number(np.median(distances_mm), 'mm', 0)}, at most "
        f"{number(distances_mm.max(), 'mm', 0)} ({count(len(distances_mm), 'patient')})"
        if len(distances_mm)
        else NOT_ASSESSABLE,
    }
