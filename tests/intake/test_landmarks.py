"""Landmarks in the T1w's sidecar as they are found in the wild: used, absent, or told why not."""

import json

import numpy as np
import pytest

from pipeline.errors import InvalidInput
from pipeline.headmodel.landmarks import CARRIED, MARKED, NOT_GIVEN, read_landmarks

AFFINE = np.array([[0, 0, 2.0, -90], [-1.5, 0, 0, 120], [0, 1, 0, -100], [0, 0, 0, 1]])
NAMES = ("NAS", "LPA", "RPA")
# 0-based voxels of a head whose third axis goes to the right and whose first goes backwards.
VOXELS = {"NAS": [10, 100, 45], "LPA": [80, 70, 5.5], "RPA": [81, 70, 85]}
FIELD = "AnatomicalLandmarkCoordinates"


def mm(voxel):
    return (AFFINE @ [*voxel, 1])[:3]


def read(tmp_path, stored, meg="sub-01_task-rest_meg.fif", **more):
    sidecar = tmp_path / "sub-01_T1w.json"
    sidecar.write_text(json.dumps({FIELD: stored, **more}))
    return read_landmarks(sidecar, AFFINE, tmp_path / meg)


def check_used(marked, voxels, origin):
    np.testing.assert_allclose(marked.pos_mri_mm["nasion"], mm(voxels["NAS"]))
    np.testing.assert_allclose(marked.pos_mri_mm["lpa"], mm(voxels["LPA"]))
    np.testing.assert_allclose(marked.pos_mri_mm["rpa"], mm(voxels["RPA"]))
    assert marked.doubts == () and marked.origin == origin


def moved(by_voxels):
    return {name: (np.array(voxel) + by_voxels).tolist() for name, voxel in VOXELS.items()}


@pytest.mark.parametrize(
    "names",
    [
        NAMES,
        ("Nasion", "lpa", "rpa"),
        (" Nz", "left ear", "Right_Ear"),
        ("NASION", "LeftPreauricularPoint", "right preauricular"),
    ],
)
def test_positions_are_0_based_voxels_under_any_usual_name(tmp_path, names):
    stored = dict(zip(names, VOXELS.values(), strict=True))
    check_used(read(tmp_path, stored), VOXELS, MARKED)


@pytest.mark.parametrize(
    ("form", "label"),
    [
        ("{}_ses-01", "01"),
        ("{}-session1", "1"),
        ("{}_1", "1"),
        ("{}1", "1"),
        ("{}_session-01", "01"),
        ("{} (ses-pre)", "pre)"),
    ],
)
def test_names_with_a_session_count_for_any_recording_where_there_is_one(tmp_path, form, label):
    stored = {form.format(name): voxel for name, voxel in VOXELS.items()}
    check_used(read(tmp_path, stored), VOXELS, f"{MARKED}, those of {label!r}")


def test_the_recordings_session_is_preferred(tmp_path):
    stored = {f"{name}_ses-01": voxel for name, voxel in moved(9).items()}
    stored |= {f"{name}_ses-02": voxel for name, voxel in VOXELS.items()}
    found = read(tmp_path, stored, "sub-01_ses-2_task-rest_meg.fif")
    check_used(found, VOXELS, f"{MARKED}, those of '02'")
    found = read(tmp_path, stored, "sub-01_ses-01_task-rest_meg.fif")
    check_used(found, moved(9), f"{MARKED}, those of '01'")


def test_plain_names_serve_where_no_session_fits(tmp_path):
    stored = {f"{name}_ses-01": voxel for name, voxel in moved(9).items()} | VOXELS
    check_used(read(tmp_path, stored, "sub-01_ses-05_task-x_meg.fif"), VOXELS, MARKED)


def test_a_shared_nasion_completes_each_session(tmp_path):
    stored = {name: VOXELS[name] for name in ("NAS",)}
    stored |= {f"{name}_ses-a": VOXELS[name] for name in ("LPA", "RPA")}
    check_used(read(tmp_path, stored), VOXELS, f"{MARKED}, those of 'a'")


@pytest.mark.parametrize(("by_voxels", "agree"), [(0.5, True), (1.5, False)])
def test_sessions_that_agree_within_2_mm_are_one_and_others_none(tmp_path, by_voxels, agree):
    """One voxel is 2 mm along one axis, 1.5 and 1 mm along the others: 2.7 mm in all."""
    stored = {f"{name}_ses-01": voxel for name, voxel in VOXELS.items()}
    stored |= {f"{name}_ses-02": voxel for name, voxel in moved(by_voxels).items()}
    found = read(tmp_path, stored, "sub-01_ses-03_task-rest_meg.fif")
    if agree:
        check_used(found, VOXELS, f"{MARKED}, those of '01'")
        return
    (doubt,) = found.doubts
    assert found.pos_mri_mm is None and "2 times, up to 4 mm apart" in doubt.text
    assert "a template's" in doubt.text


@pytest.mark.parametrize(
    "stored",
    ["n/a", " N/A ", None, [], {}, dict.fromkeys(NAMES, "n/a"), dict.fromkeys(NAMES, ["n/a"] * 3)],
)
def test_not_available_is_absent_with_a_note_and_without_a_doubt(tmp_path, stored):
    found = read(tmp_path, stored)
    assert found.pos_mri_mm is None and found.doubts == () and found.origin == NOT_GIVEN


def test_no_field_and_no_sidecar_are_absent(tmp_path):
    (tmp_path / "t1w.json").write_text("{}")
    for sidecar in (tmp_path / "t1w.json", None):
        found = read_landmarks(sidecar, AFFINE)
        assert found.pos_mri_mm is None and found.doubts == () and found.origin == CARRIED


def test_one_landmark_not_available_names_the_others(tmp_path):
    found = read(tmp_path, VOXELS | {"RPA": "n/a"})
    assert found.pos_mri_mm is None and "marks only lpa, nasion" in found.origin


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        (list(VOXELS.values()), "holds no names"),
        ("see the protocol", "holds no names"),
        (7, "holds no names"),
        (True, "holds no names"),
        (VOXELS | {"NAS": ["a", 1, 2]}, "no position for 'NAS'"),
        (VOXELS | {"NAS": [1, 2]}, "no position for 'NAS'"),
        (VOXELS | {"NAS": [True, False, True]}, "no position for 'NAS'"),
        (VOXELS | {"NAS": {"x": 1}}, "no position for 'NAS'"),
        (VOXELS | {"NAS": [float("nan"), 1, 2]}, "no position for 'NAS'"),
        (VOXELS | {"LPA": [[1, 2, 3]]}, "no position for 'LPA'"),
        (VOXELS | {"lpa ": [90, 70, 5.5]}, "no position for 'lpa '"),
        ({"AC": [1, 2, 3], "PC": [2, 3, 4]}, "names none of nasion"),
    ],
)
def test_what_cannot_be_used_is_told_and_stops_nobody(tmp_path, stored, said):
    found = read(tmp_path, stored)
    (doubt,) = found.doubts
    assert found.pos_mri_mm is None and said in doubt.text and "sub-01_T1w.json" in doubt.text


def test_landmarks_in_millimetres_are_not_taken_for_voxels(tmp_path):
    found = read(tmp_path, VOXELS, AnatomicalLandmarkCoordinateUnits="mm")
    assert found.pos_mri_mm is None and "in mm, not in voxel" in found.doubts[0].text


@pytest.mark.parametrize("content", [b"{", b"[" * 100_000, b"\xff\xfe{", b"[1]", b'"text"', b""])
def test_a_broken_sidecar_is_told_and_stops_nobody(tmp_path, content):
    sidecar = tmp_path / "sub-01_T1w.json"
    sidecar.write_bytes(content)
    found = read_landmarks(sidecar, AFFINE)
    assert found.pos_mri_mm is None and "sub-01_T1w.json" in found.doubts[0].text


def test_other_landmarks_beside_them_do_no_harm(tmp_path):
    check_used(read(tmp_path, VOXELS | {"AC": [1, 2, 3], "nasal tip": [0, 0]}), VOXELS, MARKED)


def test_a_left_ear_on_the_right_is_refused(tmp_path):
    """So it is with an image that its header mirrors, and with exchanged names."""
    with pytest.raises(InvalidInput, match="LPA") as caught:
        read(tmp_path, VOXELS | {"LPA": VOXELS["RPA"], "RPA": VOXELS["LPA"]})
    assert "exchange" in caught.value.hint and "mirrors" in caught.value.hint
    mirrored = np.diag([-1.0, 1, 1, 1]) @ AFFINE
    sidecar = tmp_path / "sub-01_T1w.json"
    sidecar.write_text(json.dumps({FIELD: VOXELS}))
    with pytest.raises(InvalidInput, match="LPA"):
        read_landmarks(sidecar, mirrored)


def test_a_nasion_behind_the_ears_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="nasion behind the ears"):
        read(tmp_path, VOXELS | {"NAS": [150, 100, 45]})


@pytest.mark.parametrize(
    ("voxels", "why"),
    [
        (VOXELS | {"RPA": [80, 70, 12]}, "13 mm apart, as those of no head"),
        (
            {"NAS": [0, 90, -40], "LPA": [-75, 0, -45], "RPA": [75, 0, -45]},
            "far outside of the image",
        ),
    ],
    ids=["one twice", "mm for voxels"],
)
def test_landmarks_that_no_head_has_are_told_and_not_used(tmp_path, voxels, why):
    marked = read(tmp_path, voxels)
    assert marked.pos_mri_mm is None and marked.origin == CARRIED
    assert why in marked.doubts[0].text
