"""Closed triangle meshes: sampling them, measuring distances to them, making them from masks."""

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes

from pipeline.warp import apply_affine


def surface_points(pos_mm: np.ndarray, faces: np.ndarray, subdivisions: int = 3) -> np.ndarray:
    """Points (m, 3) spread over the triangles, corners included, an edge cut `subdivisions` times."""
    steps = np.arange(subdivisions + 1)
    a, b = (grid.ravel() for grid in np.meshgrid(steps, steps))
    inside = a + b <= subdivisions
    weights = np.stack([a, b, subdivisions - a - b], axis=1)[inside] / subdivisions
    return np.einsum("wc,fcx->fwx", weights, pos_mm[faces]).reshape(-1, 3)


def distance_to_surface_mm(
    points_mm: np.ndarray, pos_mm: np.ndarray, faces: np.ndarray
) -> np.ndarray:
    """Unsigned distance (n,) of points to a mesh, to within a fraction of its edges (`surface_points`)."""
    return cKDTree(surface_points(pos_mm, faces)).query(points_mm)[0]


def signed_volume_mm3(pos_mm: np.ndarray, faces: np.ndarray) -> float:
    """Volume of a closed mesh, negative if its triangles face inwards."""
    a, b, c = pos_mm[faces[:, 0]], pos_mm[faces[:, 1]], pos_mm[faces[:, 2]]
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def mask_surface(mask: np.ndarray, affine: np.ndarray, smooth_voxels: float = 1.0):
    """Outward-facing mesh around a mask.

    Parameters
    ----------
    mask : ndarray of bool, (i, j, k)
    affine : ndarray, (4, 4)
        Voxel indices to mm.
    smooth_voxels : float
        Standard deviation of the Gaussian that takes away the voxels' steps.

    Returns
    -------
    pos_mm : ndarray, (n, 3)
    faces : ndarray of int, (m, 3)
    """
    pad = int(np.ceil(3 * smooth_voxels)) + 1  # closes the mesh where the mask ends with the image
    level = gaussian_filter(np.pad(mask, pad).astype(np.float32), smooth_voxels)
    index, faces, _, _ = marching_cubes(level, 0.5)
    pos_mm = apply_affine(affine, index.astype(float) - pad)
    if signed_volume_mm3(pos_mm, faces) < 0:
        faces = faces[:, ::-1]
    return pos_mm, faces.astype(int)
