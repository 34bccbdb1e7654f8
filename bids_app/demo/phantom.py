"""The head that every virtual patient is deformed from, in MNI152 space.

The brain is nilearn's MNI152 average; scalp and inner skull are fsaverage's surfaces as mne
carries them. The outer skull, which neither has, follows the inner one at a thickness that
varies smoothly from place to place.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import mne
import numpy as np
from mne.transforms import apply_trans
from nilearn import datasets
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates
from scipy.spatial import ConvexHull

# fsaverage's surface RAS to MNI152, as FreeSurfer publishes it (CoordinateSystems, case 8).
MNI305_TO_MNI152 = np.array(
    [
        [0.9975, -0.0073, 0.0176, -0.0429],
        [0.0146, 1.0009, -0.0024, 1.5496],
        [-0.0130, -0.0093, 0.9971, 1.1840],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
GRID_ORIGIN_MM = np.array([-112.0, -150.0, -172.0])
GRID_STEP_MM = 2.0
GRID_SHAPE = (113, 142, 146)
# Intensity of nilearn's template above which a voxel is brain.
BRAIN_EDGE = 0.05
BRAIN_CLEARANCE_MM = 1.5
SCALP_MIN_MM = 3.5
# Below this height the scalp shell of a head model is closed: neck and jaw are left out.
SHELL_FLOOR_MM = -95.0


@dataclass(frozen=True)
class Phantom:
    """Signed distances (mm, negative inside) on a 2 mm grid, and the brain image, in MNI152.

    Attributes
    ----------
    head_mm, inner_skull_mm, outer_skull_mm : ndarray, GRID_SHAPE
    brain : ndarray
        T1-weighted intensity on nilearn's 1 mm grid, 0 outside the brain.
    brain_origin_mm : ndarray, (3,)
    head_vertices_mm : ndarray, (2033, 3)
        Vertices of the scalp, face included.
    head_faces : ndarray of int
    fiducials_mm : dict
        "lpa", "nasion", "rpa".
    """

    head_mm: np.ndarray
    inner_skull_mm: np.ndarray
    outer_skull_mm: np.ndarray
    brain: np.ndarray
    brain_origin_mm: np.ndarray
    head_vertices_mm: np.ndarray
    head_faces: np.ndarray
    fiducials_mm: dict[str, np.ndarray]

    def sample(self, field_mm: np.ndarray, points_mm: np.ndarray) -> np.ndarray:
        """Value of one of the distance fields at points (..., 3)."""
        index = np.moveaxis((points_mm - GRID_ORIGIN_MM) / GRID_STEP_MM, -1, 0)
        return map_coordinates(field_mm, index, order=1, mode="nearest")

    def sample_brain(self, points_mm: np.ndarray) -> np.ndarray:
        index = np.moveaxis(points_mm - self.brain_origin_mm, -1, 0)
        return map_coordinates(self.brain, index, order=1, mode="constant")


@cache
def load_phantom() -> Phantom:
    """Build the phantom from the files that nilearn and mne carry (about 5 s, then kept)."""
    folder = Path(mne.__file__).parent / "data" / "fsaverage"
    head = mne.read_bem_surfaces(folder / "fsaverage-head.fif", verbose="error")[0]
    skull = mne.read_bem_surfaces(folder / "fsaverage-inner_skull-bem.fif", verbose="error")[0]
    head_mm = apply_trans(MNI305_TO_MNI152, head["rr"] * 1000)
    skull_mm = apply_trans(MNI305_TO_MNI152, skull["rr"] * 1000)
    points, _ = mne.io.read_fiducials(folder / "fsaverage-fiducials.fif", verbose="error")
    fiducials = {
        name: apply_trans(MNI305_TO_MNI152, point["r"].astype(float) * 1000)
        for name, point in zip(("lpa", "nasion", "rpa"), points, strict=True)
    }
    image = datasets.load_mni152_template(resolution=1)
    brain = image.get_fdata(dtype=np.float32)
    origin = image.affine[:3, 3]

    head_field = mesh_distance_mm(head_mm, head["tris"])
    index = np.indices(GRID_SHAPE) * GRID_STEP_MM + (GRID_ORIGIN_MM - origin)[:, None, None, None]
    in_brain = map_coordinates(brain, index, order=1, mode="constant") > BRAIN_EDGE
    brain_field = gaussian_filter(_signed_distance(in_brain, GRID_STEP_MM), 0.8)
    inner = np.minimum(mesh_distance_mm(skull_mm, skull["tris"]), brain_field - BRAIN_CLEARANCE_MM)
    thickness = np.random.default_rng(0).standard_normal(GRID_SHAPE)
    thickness = gaussian_filter(thickness, 10)
    thickness = 6.5 + 1.2 * np.clip(thickness / thickness.std(), -2, 2)
    outer = np.maximum(inner - thickness, np.minimum(head_field + SCALP_MIN_MM, inner))
    # Where the average brain comes close to the scalp (below the cerebellum), skin grows around it.
    head_field = np.minimum(head_field, outer - 1.0)
    return Phantom(
        head_mm=head_field.astype(np.float32),
        inner_skull_mm=inner.astype(np.float32),
        outer_skull_mm=outer.astype(np.float32),
        brain=brain,
        brain_origin_mm=origin,
        head_vertices_mm=head_mm,
        head_faces=head["tris"],
        fiducials_mm=fiducials,
    )


def mesh_distance_mm(vertices_mm: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Signed distance of a closed mesh on the phantom's grid, smoothed by one voxel."""
    inside = voxelise((vertices_mm - GRID_ORIGIN_MM) / GRID_STEP_MM, faces, GRID_SHAPE)
    return gaussian_filter(_signed_distance(inside, GRID_STEP_MM), 0.8)


def voxelise(vertices: np.ndarray, faces: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Voxels whose centre lies in a closed mesh (vertices in voxel units): parity along the third axis."""
    # An irrational offset keeps voxel columns off vertices and edges, where parity is undefined.
    x, y, z = (vertices + np.array([1.234e-4, 2.718e-4, 0.0])).T
    crossings = np.zeros((shape[0], shape[1], shape[2] + 1), bool)
    for a, b, c in faces:
        i_low, i_high = np.ceil(min(x[a], x[b], x[c])), np.floor(max(x[a], x[b], x[c]))
        j_low, j_high = np.ceil(min(y[a], y[b], y[c])), np.floor(max(y[a], y[b], y[c]))
        area = (x[b] - x[a]) * (y[c] - y[a]) - (x[c] - x[a]) * (y[b] - y[a])
        if area == 0 or i_high < i_low or j_high < j_low:
            continue
        i, j = np.mgrid[int(i_low) : int(i_high) + 1, int(j_low) : int(j_high) + 1]
        wb = ((i - x[a]) * (y[c] - y[a]) - (x[c] - x[a]) * (j - y[a])) / area
        wc = ((x[b] - x[a]) * (j - y[a]) - (i - x[a]) * (y[b] - y[a])) / area
        hit = (wb >= 0) & (wc >= 0) & (wb + wc <= 1)
        height = np.ceil(z[a] + wb * (z[b] - z[a]) + wc * (z[c] - z[a]))
        i, j, k = i[hit], j[hit], np.clip(height[hit], 0, shape[2]).astype(int)
        valid = (i >= 0) & (i < shape[0]) & (j >= 0) & (j < shape[1])
        crossings[i[valid], j[valid], k[valid]] ^= True
    return np.logical_xor.accumulate(crossings, axis=2)[:, :, :-1]


def shell(phantom: Phantom, field_mm: np.ndarray, n_vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """Mesh the zero level of a distance field along the directions of a Fibonacci spiral.

    Returns
    -------
    vertices_mm : ndarray, (n_vertices, 3)
        In MNI152, closed below at `SHELL_FLOOR_MM`.
    faces : ndarray of int, (2 n_vertices - 4, 3)
        Outward-facing.
    """
    rank = np.arange(n_vertices) + 0.5
    height = 1 - 2 * rank / n_vertices
    angle = np.pi * (1 + np.sqrt(5)) * rank
    flat = np.sqrt(1 - height**2)
    direction = np.stack([flat * np.cos(angle), flat * np.sin(angle), height], axis=1)
    faces = ConvexHull(direction).simplices
    a, b, c = (direction[faces[:, corner]] for corner in range(3))
    inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), a) < 0
    faces[inward] = faces[inward][:, ::-1]

    centre = np.array([0.0, -18.0, 8.0])
    radius = np.arange(30.0, 170.0, 1.0)
    points = centre + direction[:, None, :] * radius[:, None]
    value = np.maximum(phantom.sample(field_mm, points), SHELL_FLOOR_MM - points[..., 2])
    last = value.shape[1] - 1 - np.argmax(value[:, ::-1] < 0, axis=1)
    row = np.arange(n_vertices)
    inner, outer = value[row, last], value[row, last + 1]
    return centre + direction * (radius[last] + inner / (inner - outer))[:, None], faces


def _signed_distance(inside: np.ndarray, step_mm: float) -> np.ndarray:
    """Distance to the boundary between voxels, negative inside."""
    outside = distance_transform_edt(~inside) - 0.5
    within = distance_transform_edt(inside) - 0.5
    return np.where(inside, -within, outside) * step_mm
