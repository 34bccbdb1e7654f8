"""Grades of certainty in a cohort: counted by resection and SOZ, as patients' files have them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from quality_files import HEADMODEL, HEADMODEL_WITHOUT_POINTS, IMAGE, REGION, SPIKES, grade

from bids_app.group import _grade
from pipeline.metrics import METRICS
from pipeline.paths import PatientPaths
from pipeline.records.headmodel_qc import write_headmodel_qc
from pipeline.records.image_qc import MethodQC, write_image_qc
from pipeline.records.solution import MapSummary
from pipeline.records.spikes_qc import write_spikes_qc
from reports.group.cohort import NOT_SEIZURE_FREE, SEIZURE_FREE, Cohort
from reports.group.grades import content, of_grades
from reports.group.names import mean_sd
from reports.group.published import other_published

A, B = grade("A", 11.0), grade("B", 1000.0, within_15_mm=0.75, median_error_mm=7.3)
# Grade, maximum in the resection, outcome, mm from the maximum to the nearest SOZ contact.
FREE, NOT = SEIZURE_FREE, NOT_SEIZURE_FREE
PATIENTS = {
    "sub-01": (A, 1, FREE, 4.0),
    "sub-02": (A, 0, FREE, 8.0),
    "sub-03": (A, 1, NOT, 30.0),  # what was resected was not where the seizures arose
    "sub-04": (B, np.nan, FREE, np.nan),
    "sub-05": (None, 1, FREE, 6.0),
    "sub-06": (B, 0, FREE, 12.0),
}


def cohort(rows: dict) -> Cohort:
    index = pd.MultiIndex.from_product([rows, ["personalized"]], names=["participant_id", "method"])
    values = [(inside, to_soz_mm) for _, inside, _, to_soz_mm in rows.values()]
    metrics = pd.DataFrame(
        values, index=index, columns=["max_in_resection", "max_to_soz"], dtype=float
    )
    patients = pd.DataFrame({"outcome": [row[2] for row in rows.values()]}, index=list(rows))
    grades = {name: row[0] for name, row in rows.items() if row[0] is not None}
    return Cohort(patients, metrics, metrics, metrics, {}, {}, {}, grades)


def test_patients_are_counted_by_grade():
    of_a, of_b, without = of_grades(cohort(PATIENTS))
    assert (of_a.grade, of_b.grade, without.grade) == (A, B, None)
    assert [each.n_patients for each in (of_a, of_b, without)] == [3, 2, 1]
    assert (of_a.n_inside, of_a.n_resected) == (1, 2), "of those who are seizure-free"
    assert (of_b.n_inside, of_b.n_resected) == (0, 1)
    assert of_a.inside.value == 0.5 and sorted(of_a.to_soz_mm) == [4, 8, 30]
    assert list(of_b.to_soz_mm) == [12]


def test_rows_say_what_a_grade_meant_and_what_it_came_to():
    first, second, last = content(cohort(PATIENTS))["rows"]
    assert first["name"] == "A" and first["inside"].startswith("1 of 2 (95 % interval 9 to 91 %)")
    assert first["to_soz"].replace("\u00a0", " ") == "8 mm, at most 30 mm (3 patients)"
    assert second["within"] == "75 %" and second["meant"].startswith("7.3")
    assert (last["name"], last["within"], last["n"]) == ("none", "–", "1")


def test_without_truth_or_grades_there_is_no_table():
    unknown = {name: (row[0], np.nan, row[2], np.nan) for name, row in PATIENTS.items()}
    told = content(cohort(unknown))
    assert told["rows"] == [] and "where the seizures arose" in told["reason"]
    ungraded = {name: (None, *row[1:]) for name, row in PATIENTS.items()}
    assert "no patient was a grade" in content(cohort(ungraded))["reason"]
    not_free = {"sub-03": (A, 1, NOT, np.nan)}
    assert content(cohort(not_free))["rows"] == [], "no proof of where the seizures arose"


def test_grade_is_read_where_the_report_gives_it(tmp_path):
    paths = PatientPaths(tmp_path, "01")
    assert _grade(paths) is None
    found = MapSummary(
        max_region=3,
        max_pos_mri_mm=(1.0, 2.0, 3.0),
        max_label="left cuneus",
        max_sublobar="left occipital",
        otsu_threshold=0.5,
        n_extent_regions=4,
        extent_area_cm2=5.0,
    )
    own = MethodQC(assessable=True, reason=None, found=found, region=REGION)
    write_spikes_qc(paths, SPIKES)
    write_image_qc(paths, replace(IMAGE, methods={"personalized": own}))
    write_headmodel_qc(paths, HEADMODEL)
    assert _grade(paths).name == "B"
    far = replace(HEADMODEL.residuals, head_point_distance_median_mm=7.0)
    write_headmodel_qc(paths, replace(HEADMODEL, residuals=far))
    assert _grade(paths) is None, "co-registration worse than was simulated"
    write_headmodel_qc(paths, HEADMODEL_WITHOUT_POINTS)
    assert _grade(paths) is None


@pytest.mark.parametrize(
    ("metric", "mean", "n"),
    [
        ("soz_localisation_error", 15.78, (20, 7)),
        ("spatial_dispersion", 8.19, (17, 4)),
        ("resection_sensitivity", 0.41, (17, 4)),
        ("resection_specificity", 0.90, (17, 4)),
    ],
)
def test_published_subgroups_make_up_the_published_mean(metric, mean, n):
    about = METRICS[metric].in_group
    parts = [about.published_parts[name] for name in ("temporal", "extratemporal")]
    assert tuple(part.n for part in parts) == n
    assert sum(n) == about.published["personalized"].n
    together = sum(part.mean * part.n for part in parts) / sum(n)
    assert together == pytest.approx(mean, abs=0.011)


def test_the_other_paper_of_cmem_stands_beside_the_first():
    text = other_published()
    assert "doi:10.1002/hbm.23837" in text and "81 %" in text and "3.44 mm" in text
    assert mean_sd("spatial_dispersion", 33.95, 23.60) in text
