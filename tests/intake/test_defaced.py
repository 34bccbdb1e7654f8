"""A T1w without a face: points that lie where it was are left out, told, and the head is placed as well."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fake_anatomy import MNI152_TO_MRI, digitise
from quality_files import HEADMODEL
from scipy.ndimage import binary_dilation, binary_erosion, binary_fill_holes

from pipeline.face import face_region
from pipeline.headmodel import lost_skin
from pipeline.headmodel.coregistration import coregister
from pipeline.headmodel.lost_skin import LostSkin, find_lost_skin
from pipeline.headmodel.meshes import mask_surface
from pipeline.headmodel.placing import place_head
from pipeline.headmodel.stage import placement_warnings, residuals
from pipeline.headmodel.t1w import Volume
from pipeline.warp import MNI305_TO_MNI152, apply_affine
from reports.quality import coregistration_sentence

SPACING_MM = 4.0
AFFINE = MNI152_TO_MRI @ MNI305_TO_MNI152
# Not the plane that the product itself cuts faces off with.
CUT_NORMAL, CUT_MM = np.array([0.0, 0.75, -0.66]), 70.0
MAX_HEAD_POINT_MM = 8.0


def on_template(points_mri_mm):
    return apply_affine(np.linalg.inv(MNI152_TO_MRI), points_mri_mm)


def in_cut(points_mri_mm):
    return on_template(points_mri_mm) @ CUT_NORMAL > CUT_MM


def voxels_mm(volume: Volume):
    index = np.argwhere(np.ones(volume.data.shape, bool))
    return apply_affine(volume.affine, index.astype(float))


def carved(head: Volume, keep: np.ndarray) -> Volume:
    return Volume(head.data & keep.reshape(head.data.shape), head.affine)


@pytest.fixture(scope="module")
def whole():
    """The template's head with its face, filled."""
    skin_mm = apply_affine(AFFINE, lost_skin._template_skin_mni305_mm())
    affine = np.diag([SPACING_MM] * 3 + [1.0])
    affine[:3, 3] = skin_mm.min(0) - 20
    index = np.rint(apply_affine(np.linalg.inv(affine), skin_mm)).astype(int)
    shell = np.zeros(index.max(0) + 6, bool)
    shell[tuple(index.T)] = True
    filled = binary_fill_holes(binary_dilation(shell, iterations=2))
    return Volume(binary_erosion(filled, iterations=2), affine)


@pytest.fixture(scope="module")
def face():
    """Of a brain that is a box of the brain's size in MNI152."""
    corners = np.array(np.meshgrid((-68, 68), (-104, 70), (-45, 78))).reshape(3, -1).T
    return face_region(MNI152_TO_MRI, apply_affine(MNI152_TO_MRI, corners.astype(float)))


@pytest.fixture(scope="module")
def defaced(whole):
    return carved(whole, ~in_cut(voxels_mm(whole)))


def found(head: Volume, face, image: Volume | None = None) -> LostSkin:
    scalp_mm, _ = mask_surface(head.data, head.affine)
    return find_lost_skin(image or head, head, scalp_mm, AFFINE, face)


def test_a_whole_head_has_lost_nothing(whole, face):
    lost = found(whole, face)
    assert len(lost.pos_mri_mm) == 0 and lost.share_of_face == 0 and not lost.defaced


def test_a_cut_face_is_seen_and_where_it_was(defaced, face):
    lost = found(defaced, face)
    assert lost.defaced and lost.share_of_face > 0.4
    assert in_cut(lost.pos_mri_mm).all()


def test_ears_alone_are_no_face(whole, face):
    ears = np.abs(on_template(voxels_mm(whole))[:, 0]) > 66
    lost = found(carved(whole, ~ears), face)
    assert lost.share_of_face < 0.2 and not lost.defaced


def test_an_image_that_ends_above_the_mouth_is_not_defaced(whole, face):
    """What lies below was not imaged; points there are left out all the same."""
    n = whole.data.shape[2] // 3
    moved = whole.affine.copy()
    moved[2, 3] += n * SPACING_MM
    image = Volume(whole.data[:, :, n:], moved)
    lost = found(image, face)
    assert len(lost.pos_mri_mm) > 50 and not lost.defaced


@pytest.fixture(scope="module")
def recorded(whole):
    """Points all over a whole head, half of them in its face, and how it truly lay."""
    landmarks = {"nasion": (0.0, 84.0, -40.0), "lpa": (-82.0, -20, -45), "rpa": (82.0, -20, -45)}
    landmarks_mri_mm = {
        name: apply_affine(MNI152_TO_MRI, np.array([pos]))[0] for name, pos in landmarks.items()
    }
    skin_mm, _ = mask_surface(whole.data, whole.affine)
    _, front, up = on_template(skin_mm).T
    in_face = skin_mm[(front > 30) & (up < -10) & (up > -80)]
    _, above_head_m, head_to_mri = digitise(landmarks_mri_mm, skin_mm[up > 0], 80, 2.0)
    landmarks_head_m, face_head_m, _ = digitise(landmarks_mri_mm, skin_mm, 5)
    to_head = np.linalg.inv(head_to_mri["trans"])
    rng = np.random.default_rng(2)
    chosen = in_face[rng.choice(len(in_face), 80, replace=False)]
    face_head_m = apply_affine(to_head, (chosen + rng.normal(0, 1.2, chosen.shape)) / 1000)
    points_head_m = np.vstack([above_head_m, face_head_m])
    return landmarks_mri_mm, landmarks_head_m, points_head_m, head_to_mri["trans"]


def placed(head: Volume, recorded, lost_mm):
    landmarks_mri_mm, landmarks_head_m, points_head_m, _ = recorded
    off_mm = {"nasion": (3, -6, 5), "lpa": (-4, 5, -6), "rpa": (4, -5, 6)}
    carried_mm = {name: pos + off_mm[name] for name, pos in landmarks_mri_mm.items()}
    scalp = mask_surface(head.data, head.affine)
    return coregister(
        landmarks_head_m,
        points_head_m,
        carried_mm,
        False,
        *scalp,
        MAX_HEAD_POINT_MM,
        Path("sub-01_meg.fif"),
        lost_mm,
    )


def error_mm(placement, recorded):
    """Mean over points within the brain."""
    inside_mm = apply_affine(MNI152_TO_MRI, np.random.default_rng(0).uniform(-60, 60, (200, 3)))
    in_head_m = apply_affine(np.linalg.inv(recorded[3]), inside_mm / 1000)
    moved_mm = 1000 * apply_affine(placement.head_to_mri["trans"], in_head_m)
    return np.linalg.norm(moved_mm - inside_mm, axis=1).mean()


def test_a_head_without_face_is_placed_by_the_rest(whole, defaced, face, recorded):
    lost_mm = found(defaced, face).pos_mri_mm
    placement = placed(defaced, recorded, lost_mm)
    truly = in_cut(1000 * apply_affine(recorded[3], recorded[2]))
    assert 40 < truly.sum() <= 80
    assert (placement.beyond == truly).mean() > 0.95
    assert not (placement.used & placement.beyond).any()
    assert error_mm(placement, recorded) < 1.5
    assert error_mm(placed(defaced, recorded, np.empty((0, 3))), recorded) > 6.0
    on_skin = placed(whole, recorded, np.empty((0, 3)))
    assert not on_skin.beyond.any() and error_mm(on_skin, recorded) < 1.5


def test_the_doubt_tells_points_and_error(defaced, face, recorded):
    lost = found(defaced, face)
    landmarks_mri_mm, landmarks_head_m, points_head_m, _ = recorded
    anatomy = SimpleNamespace(
        landmarks_mri_mm=landmarks_mri_mm,
        landmarks_marked=True,
        scalp=mask_surface(defaced.data, defaced.affine),
        lost_skin=lost,
        cortex=SimpleNamespace(midthickness_mri_mm=voxels_mm(defaced)[::500]),
    )
    inputs = SimpleNamespace(trans=None, meg=[Path("sub-01_meg.fif")])
    config = SimpleNamespace(max_head_point_mm=MAX_HEAD_POINT_MM, seed=1)
    answer = place_head(inputs, anatomy, landmarks_head_m, points_head_m, config)
    (doubt,) = answer.doubts
    n_beyond = answer.placement.beyond.sum()
    assert f"{n_beyond} of 160 head points" in doubt.text and "T1w is defaced" in doubt.text
    assert "moves the cortex by up to" in doubt.text and not doubt.grave
    numbers = residuals(answer.placement)
    assert numbers.head_points == 160
    assert numbers.head_points_where_skin_is_missing == n_beyond
    # Of the points on skin alone: those in the air would make it centimetres.
    assert numbers.head_point_distance_median_mm < 2.5
    assert placement_warnings(answer.placement, True) == []


def test_points_in_the_face_alone_leave_the_landmarks(defaced, face, recorded):
    only_face = (*recorded[:2], recorded[2][80:], recorded[3])
    lost_mm = found(defaced, face).pos_mri_mm
    placement = placed(defaced, only_face, lost_mm)
    assert (~placement.beyond).sum() < 20 and not placement.used.any()
    (warning,) = placement_warnings(placement, False)
    assert "fewer than 20 head points where the T1w shows skin" in warning


def test_the_report_counts_them_apart():
    def told_of(**numbers) -> str:
        measured = replace(HEADMODEL.residuals, head_points=140, **numbers)
        patient = SimpleNamespace(
            qc=SimpleNamespace(headmodel=replace(HEADMODEL, residuals=measured))
        )
        return coregistration_sentence(patient).replace("\xa0", " ")

    told = told_of(
        head_points_where_skin_is_missing=34,
        head_points_left_out=36,
        head_point_distance_median_mm=1.1,
        head_point_distance_p95_mm=3.0,
    )
    assert "106 head points lie 1.1 mm" in told and "2 of them were left out of the fit" in told
    assert "34 head points where the T1w shows no skin: left out" in told
    told = told_of(
        head_points_where_skin_is_missing=140,
        head_points_left_out=140,
        head_point_distance_median_mm=None,
        head_point_distance_p95_mm=None,
    )
    assert "No head point lies on the T1w's skin" in told
