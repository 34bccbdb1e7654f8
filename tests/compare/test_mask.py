"""A resection mask of a few voxels: what it holds and how far its edge is."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from pipeline.compare.resection import (
    Resection,
    check_in_head,
    on_grid,
    read_resection,
    resected_share,
    same_grid,
    share_in_head,
)
from pipeline.errors import InvalidInput
from pipeline.headmodel.t1w import Volume

AFFINE = np.array([[2.0, 0, 0, 10], [0, 3, 0, -20], [0, 0, 4, 5], [0, 0, 0, 1]])


@pytest.fixture
def block() -> Resection:
    """Five voxels wide, full from index 2 to 6 on a grid of 10."""
    inside = np.zeros((10, 10, 10), bool)
    inside[2:7, 2:7, 2:7] = True
    return Resection(inside, AFFINE)


def mm(*index):
    return nib.affines.apply_affine(AFFINE, np.array(index, float))


def test_a_mask_knows_its_volume_and_voxels(block):
    assert block.volume_cm3 == pytest.approx(125 * 24 / 1000)
    assert block.voxels_mri_mm[0].tolist() == mm(2, 2, 2).tolist()


def test_a_point_belongs_to_its_nearest_voxel(block):
    points = [
        mm(1.6, 4, 4),
        mm(1.4, 4, 4),
        mm(6.4, 6.4, 6.4),
        mm(6.6, 4, 4),
        mm(-3, 4, 4),
        mm(4, 4, 12),
    ]
    assert block.holds(np.array(points)).tolist() == [True, False, True, False, False, False]
    edge = Resection(np.ones((2, 2, 2), bool), np.eye(4))
    at = np.array([[-0.4, 0, 0], [-0.6, 0, 0], [1.4, 1, 1], [1, 1, 1.6]])
    assert edge.holds(at).tolist() == [True, False, True, False]


def test_distances_are_to_the_outermost_voxels(block):
    # From the middle the nearest face lies two voxels of 2 mm away; outside 3 voxels of 3 mm.
    points = np.array([mm(4, 4, 4), mm(4, 9, 4), mm(2, 4, 4)])
    assert block.edge_distance_mm(points) == pytest.approx([4, 9, 0])
    assert block.distance_mm(points) == pytest.approx([0, 9, 0])


@pytest.mark.parametrize("shape", [(3, 3, 3), (3, 3, 3, 1)])
def test_more_than_a_half_counts(tmp_path, shape):
    data = np.zeros((3, 3, 3), np.float32)
    data[0, 0, 0], data[0, 0, 1], data[0, 0, 2] = 0.5, 0.6, np.nan
    image = nib.Nifti1Image(data.reshape(shape), AFFINE)
    image.set_sform(AFFINE, 1)
    nib.save(image, tmp_path / "mask.nii.gz")
    read = read_resection(tmp_path / "mask.nii.gz")
    assert np.argwhere(read.inside).tolist() == [[0, 0, 1]]
    assert read.affine == pytest.approx(AFFINE)


def test_several_masks_in_one_file_are_refused(tmp_path):
    image = nib.Nifti1Image(np.ones((3, 3, 3, 2), np.float32), AFFINE)
    nib.save(image, tmp_path / "mask.nii.gz")
    with pytest.raises(InvalidInput, match="4 dimensions"):
        read_resection(tmp_path / "mask.nii.gz")


def sphere(radius_mm):
    rng = np.random.default_rng(0)
    direction = rng.normal(size=(6000, 3))
    return radius_mm * direction / np.linalg.norm(direction, axis=1, keepdims=True)


def line(*x_mm) -> Resection:
    """Single voxels of 1 mm on the first axis, from -150 mm."""
    inside = np.zeros((301, 1, 1), bool)
    inside[np.array(x_mm) + 150] = True
    return Resection(inside, nib.affines.from_matvec(np.eye(3), [-150, 0, 0]))


def test_the_head_has_five_millimetres_of_tolerance():
    assert share_in_head(line(0, 50, 104, 106), sphere(100)) == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("outside_head", "outside_brain", "is_refused"),
    [(1, 0, False), (2, 0, True), (0, 10, False), (0, 11, True), (0, 0, False)],
)
def test_a_mask_is_mostly_in_head_and_half_in_brain(outside_head, outside_brain, is_refused):
    n_brain = 20 - outside_head - outside_brain
    # The brain ends at 40 mm, and 5 mm count to it.
    mask = line(
        *range(45, 45 - n_brain, -1),
        *range(46, 46 + outside_brain),
        *range(120, 120 + outside_head),
    )
    brain = line(*range(-40, 41))
    if is_refused:
        with pytest.raises(InvalidInput, match="another subject"):
            check_in_head(mask, sphere(100), brain, Path("mask.nii"))
    else:
        shares = check_in_head(mask, sphere(100), brain, Path("mask.nii"))
        assert shares == {
            "share_in_head": pytest.approx(1 - outside_head / 20),
            "share_in_brain": pytest.approx(n_brain / 20),
        }


def test_a_grid_is_the_same_within_a_micrometre(block):
    near, far = AFFINE.copy(), AFFINE.copy()
    near[0, 3] += 5e-4
    far[0, 3] += 5e-3
    data = np.zeros((10, 10, 10), np.float32)
    assert same_grid(block, Volume(data, near))
    assert not same_grid(block, Volume(data, far))
    assert not same_grid(block, Volume(data[:9], AFFINE))


def test_a_mask_comes_to_another_grid_by_the_nearest_voxel(block):
    # Voxels of 1 mm that begin 3 mm before the block's first one, and end inside it.
    affine = nib.affines.from_matvec(np.eye(3), mm(2, 2, 2) - 3)
    image = Volume(np.zeros((30, 20, 9), np.float32), affine)
    moved = on_grid(block, image)
    assert moved.affine is affine
    index = np.stack(np.meshgrid(*map(np.arange, image.data.shape), indexing="ij"), -1)
    held = block.holds(nib.affines.apply_affine(affine, index.reshape(-1, 3)))
    assert (moved.inside.ravel() == held).all() and held.any()
    beyond = Volume(np.zeros((4, 4, 4), np.float32), nib.affines.from_matvec(np.eye(3), [500] * 3))
    assert not on_grid(block, beyond).inside.any()
    assert on_grid(block, Volume(np.zeros((10, 10, 10), np.float32), AFFINE)).inside is block.inside


def test_the_share_of_a_region_is_that_of_its_area():
    vertices_mm = np.array([[0.0, 0, 0], [5, 0, 0], [0, 0, 0], [9, 0, 0], [0, 0, 0]])
    region = np.array([0, 0, 1, 1, -1])
    share = resected_share(line(0), vertices_mm, np.array([1.0, 3, 1, 1, 99]), region)
    assert share.tolist() == [0.25, 0.5]
