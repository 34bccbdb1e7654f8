"""From region time courses to a map of the peak, its extent, the cortex and the T1w's grid."""

import nibabel as nib
import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

# Half the thickest cortex and half an edge of fsaverage5: what lies further off is no ribbon.
RIBBON_MM = 2.5


def vertex_values(region_values: np.ndarray, vertex_region: np.ndarray) -> np.ndarray:
    """Each vertex's region value (n_vertices,) float32; 0 on the medial wall."""
    return np.where(vertex_region >= 0, region_values[vertex_region], 0).astype(np.float32)


def ribbon_vertices(
    affine: np.ndarray, shape: tuple[int, ...], layers_mri_mm: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The voxels of a grid that lie in the cortex, and the vertex nearest to each.

    Parameters
    ----------
    affine : ndarray, (4, 4)
        Voxel to scanner RAS, mm.
    shape : tuple of int
    layers_mri_mm : ndarray, (n_layers, n_vertices, 3)
        White, midthickness and pial surface: vertex i of each is the same column of cortex.

    Returns
    -------
    voxel : ndarray of int, (n_voxels,)
        Flat indices into the grid.
    vertex : ndarray of int, (n_voxels,)
    """
    n_vertices = layers_mri_mm.shape[1]
    points = layers_mri_mm.reshape(-1, 3)
    # Searching the whole grid would take most of a minute; a few voxels around the surfaces do.
    voxel = np.flatnonzero(_around(affine, shape, points))
    centre_mm = nib.affines.apply_affine(affine, np.stack(np.unravel_index(voxel, shape), 1))
    distance, nearest = cKDTree(points).query(centre_mm, distance_upper_bound=RIBBON_MM, workers=2)
    close = np.isfinite(distance)
    return voxel[close], nearest[close] % n_vertices


def _around(affine: np.ndarray, shape: tuple[int, ...], points_mri_mm: np.ndarray) -> np.ndarray:
    """The voxels (bool, of this shape) that can lie within `RIBBON_MM` of a point (n, 3)."""
    to_voxel = np.linalg.inv(affine)
    voxel = np.rint(nib.affines.apply_affine(to_voxel, points_mri_mm)).astype(int)
    in_grid = ((voxel >= 0) & (voxel < shape)).all(1)
    around = np.zeros(shape, bool)
    around[tuple(voxel[in_grid].T)] = True
    # A point lies up to half a voxel from the centre of its own.
    most_voxels = RIBBON_MM * np.linalg.norm(to_voxel[:3, :3], axis=1)
    for axis, reach in enumerate(np.floor(most_voxels + 0.5).astype(int)):
        around = ndimage.maximum_filter1d(around, 2 * reach + 1, axis=axis, mode="constant")
    return around
