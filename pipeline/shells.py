"""Brain, skull and scalp as three nested shells, each star-shaped about the inner skull's centre."""

import numpy as np
from scipy.spatial import cKDTree

from pipeline.leadfield import icosphere

N_OUTER_VERTICES = 642
# Of the way from the inner skull to the scalp, bone takes this share, within these limits.
BONE_SHARE = 0.5
BONE_MM = (3.0, 9.0)
# Least thickness of skin and fat; a scalp that lies nearer to the inner skull is pushed outwards.
SKIN_MM = 2.5
# The scalp's radius is the median within this angle: no nose, no ears, nobody's face.
SMOOTH_DEG = 8.0


def three_shells(
    inner_skull_mri_mm: np.ndarray, faces: np.ndarray, scalp_mri_mm: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Inner skull as given, outer skull and scalp of `N_OUTER_VERTICES`, from within: (pos_mm, faces).

    No image of the bone is used: it takes half of the way to the scalp, 3 to 9 mm.
    """
    centre = _centre(inner_skull_mri_mm)
    direction, outer_faces = icosphere(N_OUTER_VERTICES)
    scalp_radius = _radius_along(scalp_mri_mm, centre, direction)
    inner_radius = _radius_along(inner_skull_mri_mm, centre, direction)
    scalp_radius = np.maximum(scalp_radius, inner_radius + BONE_MM[0] + SKIN_MM)
    room = scalp_radius - inner_radius
    bone = np.minimum(np.clip(BONE_SHARE * room, *BONE_MM), room - SKIN_MM)
    outer_mm = centre + direction * (inner_radius + bone)[:, None]
    scalp_mm = centre + direction * scalp_radius[:, None]
    return [(inner_skull_mri_mm, faces), (outer_mm, outer_faces), (scalp_mm, outer_faces)]


def smooth_scalp(inner_skull_mri_mm: np.ndarray, scalp_mri_mm: np.ndarray) -> np.ndarray:
    """Vertices (642, 3), mm, of a scalp without a face, seen from the inner skull's centre."""
    centre = _centre(inner_skull_mri_mm)
    direction, _ = icosphere(N_OUTER_VERTICES)
    dense, radius = _polar(scalp_mri_mm, centre)
    near = cKDTree(dense).query_ball_point(direction, 2 * np.sin(np.deg2rad(SMOOTH_DEG) / 2))
    nearest = _radius_along(scalp_mri_mm, centre, direction)
    smooth = [
        np.median(radius[each]) if each else own for each, own in zip(near, nearest, strict=True)
    ]
    return centre + direction * np.array(smooth)[:, None]


def _centre(pos_mm: np.ndarray) -> np.ndarray:
    return (pos_mm.max(0) + pos_mm.min(0)) / 2


def _polar(pos_mm: np.ndarray, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    radius = np.linalg.norm(pos_mm - centre, axis=1)
    return (pos_mm - centre) / radius[:, None], radius


def _radius_along(pos_mm: np.ndarray, centre: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Distance (n,) of a star-shaped surface from the centre in directions (n, 3)."""
    own, radius = _polar(pos_mm, centre)
    distance, nearest = cKDTree(own).query(direction, k=4)
    weight = 1 / np.maximum(distance, 1e-6)
    return (weight * radius[nearest]).sum(1) / weight.sum(1)
