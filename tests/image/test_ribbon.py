"""Which voxels are cortex, on single columns of cortex whose distances are known by hand."""

import nibabel as nib
import numpy as np
import pytest

from pipeline.image import maps
from pipeline.image.maps import ribbon_vertices, vertex_values


def column(*pos_mm):
    """Cortex of no thickness: white, midthickness and pial surface in one place."""
    return np.array([pos_mm] * 3, float)


def distances_mm(affine, shape, layers_mm):
    """From the voxels found to the cortex, by the vertex that was found, and by brute force."""
    voxel, vertex = ribbon_vertices(affine, shape, layers_mm)
    grid_mm = nib.affines.apply_affine(affine, np.stack(np.indices(shape), -1).reshape(-1, 3))
    all_mm = np.linalg.norm(grid_mm[:, None] - layers_mm[0][None], axis=2)
    return voxel, vertex, all_mm


@pytest.mark.parametrize("zoom_mm", [0.4, 1.0, 2.4, 3.0])
def test_all_voxels_within_two_and_a_half_millimetres_are_cortex(zoom_mm):
    affine = nib.affines.from_matvec(np.diag([zoom_mm, -zoom_mm, zoom_mm]), (-8.0, 8.1, -8.2))
    # Beside a voxel's centre, so that rounding brings it to a voxel that lies further off.
    layers_mm = column((0.45 * zoom_mm, 0, 0), (4.1, 3.3, -3.2))
    shape = (int(17 / zoom_mm),) * 3
    voxel, vertex, all_mm = distances_mm(affine, shape, layers_mm)
    assert voxel.tolist() == np.flatnonzero((all_mm <= 2.5).any(1)).tolist()
    assert vertex.tolist() == all_mm[voxel].argmin(1).tolist()


def test_every_layer_counts_to_its_column():
    layers_mm = np.array([[[5.0, 5, 2], [9, 9, 2]], [[5, 5, 5], [9, 9, 5]], [[5, 5, 8], [9, 9, 8]]])
    voxel, vertex = ribbon_vertices(np.eye(4), (12, 12, 12), layers_mm)
    found = {
        tuple(map(int, np.unravel_index(v, (12, 12, 12)))): n
        for v, n in zip(voxel, vertex, strict=True)
    }
    assert {found[5, 5, k] for k in range(11)} == {0}
    assert {found[9, 9, k] for k in range(11)} == {1}
    assert (5, 5, 11) not in found


def test_cortex_at_and_beyond_the_grids_edge():
    layers_mm = column((0, 0, 0), (9, 9, 9), (-0.6, 4, 4), (4, 9.6, 4))
    voxel, vertex = ribbon_vertices(np.eye(4), (10, 10, 10), layers_mm)
    assert vertex[voxel == 0].tolist() == [0]
    assert vertex[voxel == 999].tolist() == [1]
    alone = ribbon_vertices(np.eye(4), (10, 10, 10), column((-0.6, 4, 4), (4, 9.6, 4)))[0]
    assert len(alone) == 0


def test_the_medial_wall_is_zero():
    assert vertex_values(np.array([5.0, 7.0]), np.array([1, -1, 0])).tolist() == [7, 0, 5]


@pytest.mark.parametrize(
    ("zooms_mm", "reach"),
    [((1.0, 1.0, 1.0), (3, 3, 3)), ((0.9, 1.1, 5.1), (3, 2, 0)), ((2.4, 4.9, 0.5), (1, 1, 5))],
)
def test_no_more_voxels_are_searched_than_can_be_near(zooms_mm, reach):
    """2.5 mm in voxels of each axis and half a voxel, rounded down, around the point's own."""
    affine = nib.affines.from_matvec(np.diag(zooms_mm), (3.0, -4.0, 5.0))
    point_mm = nib.affines.apply_affine(affine, [[9.4, 9.6, 10.0]])
    searched = np.argwhere(maps._around(affine, (20, 21, 22), point_mm))
    own = np.array([9, 10, 10])
    assert searched.min(0).tolist() == (own - reach).tolist()
    assert searched.max(0).tolist() == (own + reach).tolist()
    assert len(searched) == np.prod(2 * np.array(reach) + 1)


def test_a_sheared_grid_misses_none():
    affine = nib.affines.from_matvec([[1.0, 0.8, 0], [0, 1, 0.6], [0, 0, 1]], (-9.0, -8, -7))
    layers_mm = column((0.3, 0.4, 0.1))
    voxel, _, all_mm = distances_mm(affine, (18, 16, 14), layers_mm)
    assert voxel.tolist() == np.flatnonzero((all_mm <= 2.5).any(1)).tolist()
