"""What methods find, on maps whose answer is known by hand."""

import numpy as np
import pytest

from pipeline.paths import PatientPaths
from pipeline.records.head import Head
from pipeline.records.solution import (
    Distributed,
    Point,
    distances_between_maxima,
    distributed,
    read_distributed,
    read_point,
    sidecar,
    write_distributed,
    write_point,
)

POS_MM = np.array([[1.0, 1, 1], [4, 5, 1], [1, 1, 13]])
HEAD = Head(
    region_pos_mri_mm=POS_MM,
    region_area_mm2=np.array([100.0, 250.0, 400.0]),
    region_label=np.array(["a", "b", "c"]),
    region_sublobar=np.array([0, 1, 1]),
    vertex_region=np.arange(3),
    surfaces={},
)


def of_map(values, extent=(True, True, False)) -> Distributed:
    values = np.array(values, float)
    return Distributed(np.zeros((3, 1)), np.zeros(1), values, 1.0, np.array(extent), "nAm")


def point_at(*pos_mm) -> Point:
    return Point(np.array(pos_mm, float), np.eye(3)[0], 1e-8, 90.0, 2.0, 0.004, 1, "b", "B")


def test_a_solution_says_where_its_maximum_lies():
    found = of_map([1, 4, 2])
    assert found.max_region == 1
    assert found.share.tolist() == [0.25, 1, 0.5]
    assert found.max_mri_mm(HEAD).tolist() == [4, 5, 1]
    assert found.summary(HEAD).extent_area_cm2 == pytest.approx(3.5)


def test_distances_between_maxima_are_in_millimetres():
    solutions = {"x": of_map([9, 1, 1]), "y": of_map([1, 9, 1]), "z": point_at(1, 1, -1)}
    assert distances_between_maxima(solutions, HEAD) == {
        "x-y": 5.0,
        "x-z": 2.0,
        "y-z": pytest.approx(np.sqrt(9 + 16 + 4)),
    }


def test_what_is_written_is_read(tmp_path):
    paths = PatientPaths(tmp_path, "01")
    times_s = np.array([-0.004, 0, 0.004])
    activity = np.array([[0.0, 1, 0], [0, -5, 0], [0, 6, 0]])
    written = distributed(activity, times_s, 0.002, "nAm")
    assert written.peak_map.tolist() == [1, 5, 6]
    assert written.extent.tolist() == [False, True, True]
    write_distributed(paths, "sloreta", written)
    read = read_distributed(paths, "sloreta")
    file = paths.sources("sloreta")
    assert sidecar(file).name == file.name.split(".")[0] + ".json" and sidecar(file).exists()
    assert read.activity.tolist() == activity.tolist() and read.times_s.tolist() == [
        -0.004,
        0,
        0.004,
    ]
    assert (read.otsu_threshold, read.unit) == (written.otsu_threshold, "nAm")
    write_point(paths, "ecd", point_at(1, 2, 3))
    assert read_point(paths, "ecd").pos_mri_mm.tolist() == [1, 2, 3]
    assert read_point(paths, "ecd").confidence_volume_cm3 == 2.0
