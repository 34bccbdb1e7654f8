"""Distances of contacts to what was found, known by hand on a line of regions."""

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.compare.distances import rows_of, write_distances
from pipeline.metrics._case import Case, Contacts, Estimate, References
from pipeline.paths import PatientPaths
from pipeline.records.head import Head, Surface
from pipeline.records.solution import Point

POS_MM = np.array([[x, 0.0, 0.0] for x in (0.0, 10.0, 20.0, 60.0)])
HEAD = Head(
    region_pos_mri_mm=POS_MM,
    region_area_mm2=np.full(4, 100.0),
    region_sublobar=np.array([0, 0, 1, 2]),
    region_label=np.array(["a", "b", "c", "d"]),
    vertex_region=np.arange(4),
    surfaces={"midthickness": Surface(POS_MM, np.empty((0, 3), int))},
)
NO_MARK = np.zeros(2, bool)
# One 3-4-5 triangle beside region 0, one contact beyond region 3.
CONTACTS = Contacts(
    ["A1", "B2"], np.array([[3.0, 4.0, 0.0], [70.0, 0.0, 0.0]]), NO_MARK, NO_MARK, NO_MARK
)


def test_distances_to_the_maximum_and_to_the_nearest_found_region():
    found = Estimate(POS_MM[1], 0, np.arange(4.0), np.array([True, True, False, False]))
    rows = rows_of(Case(found, References(HEAD)), CONTACTS, "sloreta", 2)
    assert rows["name"].tolist() == ["A1", "B2"]
    assert set(rows["method"]) == {"sloreta"} and set(rows["type"]) == {2}
    assert rows["to_maximum"].tolist() == pytest.approx([np.hypot(7, 4), 60])
    assert rows["to_found"].tolist() == pytest.approx([5, 60])


def test_a_dipole_stands_for_both():
    place_mm = np.array([3.0, 4.0, 12.0])
    point = Point(place_mm, np.array([0, 0, 1.0]), 1e-7, 88.0, 0.2, 0.0, 0, "a", "left central")
    rows = rows_of(Case(Estimate(place_mm, 0, point=point), References(HEAD)), CONTACTS, "ecd", 1)
    assert rows["to_maximum"].tolist() == rows["to_found"].tolist()
    assert rows["to_found"][0] == pytest.approx(12)


@pytest.mark.parametrize("n_parts", [0, 2])
def test_table_says_what_its_columns_are(tmp_path, n_parts):
    found = Estimate(POS_MM[1], 0, np.arange(4.0), np.array([True, True, False, False]))
    case = Case(found, References(HEAD))
    paths = PatientPaths(tmp_path, "01")
    write_distances(
        paths, [rows_of(case, CONTACTS, name, 1) for name in ("dspm", "sloreta")[:n_parts]]
    )
    table = pd.read_csv(paths.contact_distances, sep="\t")
    assert len(table) == 2 * n_parts
    told = json.loads(paths.contact_distances.with_suffix(".json").read_text())
    assert list(told) == list(table.columns)
    assert told["to_maximum"]["Units"] == told["to_found"]["Units"] == "mm"
