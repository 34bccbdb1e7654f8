"""The inner skull, which bounds the conductor that MEG sees."""

import numpy as np
from scipy.ndimage import binary_closing, binary_dilation
from scipy.spatial import cKDTree

from pipeline.headmodel.meshes import mask_surface, surface_points
from pipeline.headmodel.t1w import Volume, bounding_box_mm, resample
from pipeline.leadfield import star_shaped_remesh

MASK_SPACING_MM = 2.0
# Bridges the sulci and fissures: the skull does not follow them.
MASK_CLOSING_MM = 20.0
# Between brain and bone. On a real head the shell then lies 1.3 mm (median) from FreeSurfer's inner
# skull; fsaverage's own inner skull, carried by the registration, lies 2.5 mm from it.
CEREBROSPINAL_FLUID_MM = 4.0
PUSH_STEP_MM = 0.5
MAX_PUSH_STEPS = 60


def inner_skull_from_mask(brain_mask: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Dense vertices (n, 3) of the surface around the closed and thickened brain."""
    low_mm, high_mm = bounding_box_mm(
        brain_mask, affine, MASK_CLOSING_MM + CEREBROSPINAL_FLUID_MM + 2 * MASK_SPACING_MM
    )
    coarse = resample(
        Volume(brain_mask.astype(np.float32), affine), MASK_SPACING_MM, low_mm, high_mm
    )
    mask = coarse.data > 0.5
    mask = binary_closing(mask, iterations=round(MASK_CLOSING_MM / MASK_SPACING_MM))
    mask = binary_dilation(mask, iterations=round(CEREBROSPINAL_FLUID_MM / MASK_SPACING_MM))
    return mask_surface(mask, coarse.affine, smooth_voxels=1.5)[0]


def shell_around_cortex(
    dense_mri_mm: np.ndarray, cortex_mri_mm: np.ndarray, n_vertices: int, margin_mm: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Regular mesh of the inner skull, pushed outwards where cortex would come too near.

    Parameters
    ----------
    dense_mri_mm : ndarray, (n, 3)
        Vertices of the inner skull as found.
    cortex_mri_mm : ndarray, (m, 3)
        Pial vertices, all of which must lie within.
    n_vertices : int
    margin_mm : float
        Least distance between the two.

    Returns
    -------
    pos_mri_mm : ndarray, (n_vertices, 3)
    faces : ndarray of int
        Outward-facing.
    push_mm : ndarray, (n_vertices,)
        How far each vertex was moved.
    """
    start_mm, faces = star_shaped_remesh(dense_mri_mm, n_vertices)
    centre = (dense_mri_mm.max(0) + dense_mri_mm.min(0)) / 2
    radius = np.linalg.norm(start_mm - centre, axis=1)
    direction = (start_mm - centre) / radius[:, None]
    cortex_radius = np.linalg.norm(cortex_mri_mm - centre, axis=1)
    nearest = cKDTree(direction).query((cortex_mri_mm - centre) / cortex_radius[:, None], k=4)[1]

    pushed = radius.copy()
    for column in nearest.T:
        np.maximum.at(pushed, column, cortex_radius + margin_mm)
    for _ in range(MAX_PUSH_STEPS):  # a slanting wall is nearer than it is along the radius
        tree = cKDTree(surface_points(centre + direction * pushed[:, None], faces))
        near = tree.query(cortex_mri_mm)[0] < margin_mm
        if not near.any():
            break
        pushed[np.unique(nearest[near])] += PUSH_STEP_MM
    return centre + direction * pushed[:, None], faces, pushed - radius
