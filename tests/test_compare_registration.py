"""CT and post-operative MRI brought to the T1w, on a synthetic head whose motion is known."""

import numpy as np
import pytest
from fake_anatomy import make_head
from scipy.ndimage import (
    binary_closing,
    binary_dilation,
    gaussian_filter,
    map_coordinates,
)
from scipy.spatial.transform import Rotation

from pipeline.compare import images, postop
from pipeline.headmodel.t1w import Volume
from pipeline.metrics._case import Resection
from pipeline.warp import apply_affine

CAVITY_MM = 18.0


@pytest.fixture(scope="module")
def head():
    return make_head()


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """Registrations in seconds, a little less exact than in earnest."""
    monkeypatch.setattr(images, "SPACING_MM", 4.0)
    monkeypatch.setattr(postop, "SPACING_MM", 3.0)


def motion(angles_deg, shift_mm) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", angles_deg, degrees=True).as_matrix()
    matrix[:3, 3] = shift_mm
    return matrix


def voxels_mm(volume: Volume) -> np.ndarray:
    return apply_affine(volume.affine, np.indices(volume.data.shape).reshape(3, -1).T * 1.0)


def sampled(data, affine, points_mm, outside=0.0):
    index = apply_affine(np.linalg.inv(affine), points_mm).T
    return map_coordinates(data, index, order=1, cval=outside)


def make_ct(head, to_t1w: np.ndarray) -> Volume:
    """Bright bone, dull brain, black air, a shaft of metal; another grid, another place."""
    skull = binary_dilation(binary_closing(head.brain_mask, iterations=6), iterations=3)
    scalp = binary_dilation(skull, iterations=5)
    hounsfield = np.select([head.brain_mask, skull, scalp], [35.0, 1200.0, 40.0], -1000.0)
    shape, voxel_mm = (96, 110, 96), 2.3
    affine = np.diag([voxel_mm] * 3 + [1.0])
    middle = apply_affine(np.linalg.inv(to_t1w), np.array([[0.0, -20, 15]]))[0]
    affine[:3, 3] = middle - np.array(shape) * voxel_mm / 2
    grid = Volume(np.zeros(shape, np.float32), affine)
    points_mm = apply_affine(to_t1w, voxels_mm(grid))
    data = sampled(hounsfield, head.t1w.affine, points_mm, -1000.0).reshape(shape)
    data += np.random.default_rng(0).normal(0, 15, shape)
    data[45, 40:70, 50] = 8000
    return Volume(data.astype(np.float32), affine)


def test_a_ct_finds_its_place_on_the_t1w(head):
    truth = motion((9, -6, 12), (12, -20, 15))
    fit = images.register_rigidly(make_ct(head, truth), head.t1w)
    brain_mm = voxels_mm(head.t1w)[head.brain_mask.ravel()][::500]
    carried_mm = apply_affine(fit.to_t1w @ np.linalg.inv(truth), brain_mm)
    assert np.linalg.norm(carried_mm - brain_mm, axis=1).max() < 1.0
    assert fit.inconsistency_mm < 1.0
    turn = np.degrees(np.linalg.norm(Rotation.from_matrix(truth[:3, :3]).as_rotvec()))
    assert fit.rotation_deg == pytest.approx(turn, abs=0.5)
    # Distances are kept: contacts stay as deep, and as far apart, as they were.
    np.testing.assert_allclose(fit.to_t1w[:3, :3] @ fit.to_t1w[:3, :3].T, np.eye(3), atol=1e-6)


def test_an_image_of_nothing_alike_is_told_by_its_inconsistency(head):
    noise = gaussian_filter(np.random.default_rng(0).normal(0, 1, head.t1w.data.shape), 3)
    fit = images.register_rigidly(Volume(noise.astype(np.float32), head.t1w.affine), head.t1w)
    assert fit.inconsistency_mm > images.MAX_INCONSISTENCY_MM


def operate(head, to_preop: np.ndarray, sink_mm: float):
    """Post-operative image and mask in its space, the true pre-operative mask (n,), the true shift.

    Around the cavity the brain sinks inwards and downwards by up to `sink_mm`.
    """
    pre_mm, brain = voxels_mm(head.t1w), head.brain_mask.ravel()
    centre = pre_mm[brain].mean(0)
    centre[0] = pre_mm[brain, 0].max() - CAVITY_MM
    removed = (np.linalg.norm(pre_mm - centre, axis=1) < CAVITY_MM) & brain

    def shift(points_mm):
        far = np.linalg.norm(points_mm - centre, axis=1, keepdims=True)
        return sink_mm * np.exp(-((far / 35) ** 2)) * np.array([[-0.6, 0, -0.8]])

    soft = gaussian_filter(head.brain_mask.astype(float), 2)
    where_mm = apply_affine(to_preop, pre_mm)
    moves = np.clip(1.5 * sampled(soft, head.t1w.affine, where_mm), 0, 1)[:, None]
    came_from = where_mm
    for _ in range(8):
        came_from = where_mm - shift(came_from) * moves
    shape, affine = head.t1w.data.shape, head.t1w.affine
    data = sampled(head.t1w.data, affine, came_from)
    cavity = sampled(removed.reshape(shape).astype(float), affine, came_from) > 0.5
    data[cavity] = 60 + np.random.default_rng(0).normal(0, 10, cavity.sum())
    image = Volume(data.reshape(shape).astype(np.float32), affine)
    return image, Resection(cavity.reshape(shape), affine), removed, shift(pre_mm)


def overlap(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def test_a_mask_drawn_after_the_operation_comes_back_to_before_it(head):
    to_preop = motion((4, 5, -6), (5, 8, -6))
    image, mask, removed, shift_mm = operate(head, to_preop, sink_mm=8.0)
    carried, quality, rigid = postop.carry_to_preop(mask, image, head.t1w, head.brain_mask, seed=0)
    found, pre_mm = carried.inside.ravel(), voxels_mm(head.t1w)
    rigid_only = sampled(
        mask.inside.astype(float),
        mask.affine,
        apply_affine(np.linalg.inv(rigid.to_t1w), pre_mm),
    )
    assert overlap(found, removed) > 0.85
    assert overlap(found, removed) > overlap(rigid_only > 0.5, removed) + 0.1
    error_mm = np.linalg.norm(pre_mm[found].mean(0) - pre_mm[removed].mean(0))
    assert error_mm < 3.5
    assert carried.volume_cm3 == pytest.approx(removed.sum() * 0.008, rel=0.15)
    # Smooth as it is, the deformation falls short of the brain's shift, but by less than 40 %.
    kept = head.brain_mask.ravel() & ~removed
    near = (
        Resection(removed.reshape(mask.inside.shape), mask.affine).distance_mm(pre_mm[kept]) <= 30
    )
    true_mm = np.percentile(np.linalg.norm(shift_mm[kept], axis=1)[near], 95)
    assert 0.6 * true_mm < quality["brain_shift_p95_mm"] < 1.1 * true_mm
    assert quality["correlation_deformed"] > quality["correlation_rigid"] > 0.8


def test_without_shift_none_is_reported(head):
    image, mask, removed, _ = operate(head, np.eye(4), sink_mm=0.0)
    carried, quality, _ = postop.carry_to_preop(mask, image, head.t1w, head.brain_mask, seed=0)
    assert overlap(carried.inside.ravel(), removed) > 0.95
    assert quality["brain_shift_p95_mm"] < 1.0


def test_a_mask_of_the_whole_brain_or_of_none_is_only_placed(head, monkeypatch):
    moved = motion((0, 0, 0), (2.0, 4.0, -2.0))
    fit = images.RigidFit(moved, 0.1, 0.0, 5.0)
    monkeypatch.setattr(postop, "register_rigidly", lambda *_: fit)
    corner = np.zeros(head.brain_mask.shape, bool)
    corner[:5, :5, :5] = True
    for inside in (head.brain_mask, corner):
        mask = Resection(inside, head.t1w.affine)
        carried, quality, _ = postop.carry_to_preop(mask, head.t1w, head.t1w, head.brain_mask, 0)
        assert quality == {}
        shift_mm = carried.voxels_mri_mm.mean(0) - mask.voxels_mri_mm.mean(0)
        np.testing.assert_allclose(shift_mm, [2, 4, -2], atol=1.1)


@pytest.mark.parametrize(
    ("name", "sidecar", "grid", "expected"),
    [
        ("sub-01_desc-resection_mask", None, "pre", False),
        ("sub-01_desc-resection_mask", None, "post", True),
        ("sub-01_desc-resection_mask", None, "other", False),
        ("sub-01_ses-postop_desc-resection_mask", None, "other", True),
        ("sub-01_ses-postop_space-T1w_desc-resection_mask", None, "post", False),
        ("sub-01_space-postop_desc-resection_mask", None, "other", True),
        ("sub-01_desc-resection_mask", "sub-01_ses-postop_T1w.nii.gz", "pre", True),
        ("sub-01_ses-postop_desc-resection_mask", "sub-01_T1w.nii.gz", "post", False),
        # Drawn on an image that is not there.
        ("sub-01_desc-resection_mask", "sub-01_ses-post2_T1w.nii.gz", "other", True),
        ("sub-01_desc-resection_mask", "sub-01_ses-post2_T1w.nii.gz", "pre", False),
        ("sub-01_space-T1w_desc-resection_mask", "sub-01_ses-post2_T1w.nii.gz", "other", False),
    ],
)
def test_in_whose_space_a_mask_was_drawn(tmp_path, name, sidecar, grid, expected):
    moved = motion((0, 0, 5), (0, 3, 0))
    grids = {"pre": np.eye(4), "post": moved, "other": np.diag([2.0, 2, 2, 1])}
    t1w, after = (Volume(np.zeros((9, 9, 9), np.float32), grids[g]) for g in ("pre", "post"))
    mask = Resection(np.ones((9, 9, 9), bool), grids[grid])
    path = tmp_path / f"{name}.nii.gz"
    if sidecar:
        (tmp_path / f"{name}.json").write_text(f'{{"RawSources": ["bids::sub-01/anat/{sidecar}"]}}')
    names = ("sub-01_T1w.nii.gz", "sub-01_ses-postop_T1w.nii.gz")
    assert postop.is_in_postop_space(path, mask, t1w, after, names) is expected
