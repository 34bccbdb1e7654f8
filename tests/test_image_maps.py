"""Peak maps, extents and the way from regions to the cortex and to voxels."""

import nibabel as nib
import numpy as np
import pytest

from pipeline.image import maps
from pipeline.localisation import otsu_extent, peak_map
from pipeline.sampling import samples_through_peak


def test_peak_map_is_the_mean_absolute_activity_about_zero():
    times_s = np.arange(-0.02, 0.021, 0.004)
    activity = np.vstack(
        [np.where(np.abs(times_s) < 0.011, [-1.0, 1, -1, 1, -1, 2, -1, 1, -1, 1, 1], 9)]
    )
    # -8, -4, 0, 4 and 8 ms: four ones and a two.
    assert peak_map(activity, times_s, 0.02) == pytest.approx([6 / 5])


def test_peak_map_needs_a_sample_at_the_peak():
    with pytest.raises(ValueError, match="no sample"):
        peak_map(np.ones((2, 3)), np.array([-0.3, -0.2, -0.1]), 0.02)


def test_otsu_separates_two_groups():
    values = np.r_[np.linspace(0, 1, 90), np.linspace(8, 10, 10)]
    threshold, extent = otsu_extent(values)
    assert 1 <= threshold < 8
    assert extent.tolist() == [False] * 90 + [True] * 10


@pytest.mark.parametrize("values", [np.ones(5), np.array([1, 2, np.nan])])
def test_a_map_without_contrast_has_no_extent(values):
    with pytest.raises(ValueError, match="constant or not finite"):
        otsu_extent(values)


def test_the_medial_wall_is_zero():
    values = maps.vertex_values(np.array([5.0, 7.0]), np.array([1, -1, 0]))
    assert values.tolist() == [7, 0, 5]


def test_samples_meet_the_peak():
    times_s = np.arange(-250, 251) / 500
    start, kept = samples_through_peak(times_s, 500.0)
    assert start == 2
    assert len(kept) == 125
    assert np.abs(kept).min() < 1e-12
    np.testing.assert_allclose(np.diff(kept), 0.008)


@pytest.fixture
def layers_mm():
    """Two flat sheets of cortex, 3 mm thick, one vertex per 2 mm, in an oblique head."""
    x, y = np.meshgrid(np.arange(-20.0, 21, 2), np.arange(-20.0, 21, 2))
    sheet = np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], axis=1)
    return np.array([sheet + np.array([0, 0, z]) for z in (0.0, 1.5, 3.0)])


def test_ribbon_voxels_take_the_nearest_vertex(layers_mm):
    affine = nib.affines.from_matvec(
        np.array([[0, -1, 0], [1.5, 0, 0], [0, 0, 1.0]]), (20, -30, -20)
    )
    shape = (40, 45, 50)
    voxel, vertex = maps.ribbon_vertices(affine, shape, layers_mm)
    centre = nib.affines.apply_affine(affine, np.stack(np.unravel_index(voxel, shape), axis=1))
    distance = np.linalg.norm(layers_mm[:, vertex] - centre, axis=2).min(0)
    every = np.linalg.norm(layers_mm[:, None] - centre[None, :, None], axis=3).min((0, 2))
    np.testing.assert_allclose(distance, every)
    assert distance.max() <= maps.RIBBON_MM

    # No voxel that is near enough is left out.
    grid = nib.affines.apply_affine(affine, np.stack(np.indices(shape), -1).reshape(-1, 3))
    beyond = np.maximum(np.abs(grid - (0, 0, 1.5)) - (20, 20, 1.5), 0)
    certainly_near = np.linalg.norm(beyond, axis=1) < maps.RIBBON_MM - 1.6
    assert set(np.flatnonzero(certainly_near)) <= set(voxel)


def test_cortex_outside_the_grid_is_left_out(layers_mm):
    voxel, vertex = maps.ribbon_vertices(np.eye(4), (10, 10, 10), layers_mm)
    assert voxel.max() < 1000 and len(voxel) == len(vertex)
    corner = vertex[voxel == 0]
    np.testing.assert_allclose(layers_mm[0, corner], [[0, 0, 0]])
