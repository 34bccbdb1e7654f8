"""Landmarks of the T1w's sidecar that its voxels do not hold, or that count voxels from 1."""

import json

import numpy as np
import pytest

from pipeline.headmodel.landmarks import MARKED, read_landmarks

SHAPE = (91, 109, 91)
AFFINE = np.diag([2.0, 2, 2, 1])
VOXELS = {"NAS": [45, 106, 20], "LPA": [4, 52, 18], "RPA": [86, 52, 18]}
FIELD = "AnatomicalLandmarkCoordinates"


def read(tmp_path, voxels=VOXELS, **said):
    sidecar = tmp_path / "sub-01_T1w.json"
    sidecar.write_text(json.dumps({FIELD: VOXELS | voxels, **said}))
    return read_landmarks(sidecar, AFFINE, shape=SHAPE)


def test_within_the_voxels_nothing_is_told(tmp_path):
    edge = read(tmp_path, {"RPA": [90.4, 52, -0.4]}, AnatomicalLandmarkCoordinateUnits="voxels")
    assert edge.origin == MARKED and edge.doubts == ()


@pytest.mark.parametrize(
    ("voxels", "told"),
    [
        ({"RPA": [91, 52, 18]}, "rpa 1 voxels outside"),
        ({"NAS": [45, 120, 20]}, "nasion 12 voxels outside"),
        ({"LPA": [-5, 52, 18]}, "lpa 5 voxels outside"),
    ],
)
def test_a_landmark_behind_the_last_voxel_or_before_the_first_is_used_and_told(
    tmp_path, voxels, told
):
    marked = read(tmp_path, voxels)
    (doubt,) = marked.doubts
    assert told in doubt.text
    ((name, voxel),) = voxels.items()
    key = {"NAS": "nasion"}.get(name, name.lower())
    np.testing.assert_allclose(marked.pos_mri_mm[key], 2.0 * np.array(voxel))


@pytest.mark.parametrize("factor", [2, 4])
def test_indices_of_an_image_with_finer_voxels_are_not_used(tmp_path, factor):
    finer = {name: [factor * index for index in voxel] for name, voxel in VOXELS.items()}
    marked = read(tmp_path, finer)
    assert marked.pos_mri_mm is None
    assert "far outside of the image" in marked.doubts[0].text


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("SystemDescription", "1-based voxel indices"),
        ("Description", "Voxels as Matlab counts them"),
        ("Units", "voxels, starting at 1"),
        ("SystemDescription", "one-indexed"),
    ],
)
def test_indices_that_are_said_to_begin_with_1_are_told_with_their_size(tmp_path, field, text):
    (doubt,) = read(tmp_path, **{f"AnatomicalLandmarkCoordinate{field}": text}).doubts
    assert "begin with 1" in doubt.text and "3.5 mm off" in doubt.text


def test_indices_that_are_said_to_begin_with_0_are_not(tmp_path):
    said = {"AnatomicalLandmarkCoordinateSystemDescription": "0-based, RAS, version 1"}
    assert read(tmp_path, **said).doubts == ()
