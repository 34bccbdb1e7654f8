"""The true cortex's own folding, which nothing that the pipeline reads shows.

The T1w images the smooth deformation of an average brain, so that a registration can find all of
that deformation; a real brain differs from any average in where its sulci run. Two fields make
that difference: one shifts areas along the sheet (on fsaverage's sphere), the other displaces the
sheet itself. Their sizes are those at which truth and estimate differ as FreeSurfer's cortex of a
real head differs from the template's (`benchmarks/real_head.py`).
"""

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates, spline_filter
from scipy.spatial import cKDTree

from bids_app.demo.phantom import Phantom
from pipeline.template import load_template
from pipeline.template.cortex import N_VERTICES, N_VERTICES_HEMI

SPHERE_RADIUS_MM = 100.0
# Root mean square of each component, and the width of the Gaussian that smooths it.
SLIDE_MM, SLIDE_SMOOTHNESS_MM = 4.5, 15.0
SHIFT_MM, SHIFT_SMOOTHNESS_MM = 1.8, 6.0
FIELD_STEP_MM = 3.0
# Steps of a fraction of the field each cannot fold space over.
N_STEPS = 4
# Half the thickness of cortex, and the space around it.
SKULL_CLEARANCE_MM = 2.5
BRAIN_CENTRE_MNI152_MM = np.array([0.0, -18.0, 12.0])
N_NEAR_FACES = 6


class _Field:
    """A smooth random vector field over a box."""

    def __init__(self, rng, low_mm, high_mm, smoothness_mm, rms_mm):
        shape = np.ceil((high_mm - low_mm) / FIELD_STEP_MM).astype(int) + 1
        noise = rng.standard_normal((3, *shape))
        smooth = np.stack([gaussian_filter(axis, smoothness_mm / FIELD_STEP_MM) for axis in noise])
        smooth *= rms_mm / smooth.std()
        self.low_mm = low_mm
        self.control_mm = np.stack([spline_filter(axis, order=3) for axis in smooth])

    def __call__(self, pos_mm: np.ndarray) -> np.ndarray:
        index = ((pos_mm - self.low_mm) / FIELD_STEP_MM).T
        return np.stack(
            [
                map_coordinates(axis, index, order=3, mode="nearest", prefilter=False)
                for axis in self.control_mm
            ],
            axis=1,
        )


def fold(
    rng: np.random.Generator,
    phantom: Phantom,
    surface_mni152_mm: np.ndarray,
    direction: np.ndarray,
    is_right: np.ndarray,
) -> np.ndarray:
    """Positions of a patient's own cortex, before the deformation of the head.

    Parameters
    ----------
    rng : numpy.random.Generator
    phantom : Phantom
        The cortex stays below its inner skull.
    surface_mni152_mm : ndarray, (20484, 3)
        The average cortex on fsaverage5.
    direction : ndarray, (n, 3)
        Where the wanted vertices lie on fsaverage's sphere, unit length.
    is_right : ndarray of bool, (n,)

    Returns
    -------
    pos_mni152_mm : ndarray, (n, 3)
    """
    pos_mm = np.empty_like(direction)
    for right in (False, True):
        slid = slide(rng, direction[is_right == right])
        pos_mm[is_right == right] = _on_surface(surface_mni152_mm, slid, right)
    margin_mm = 5 * FIELD_STEP_MM
    shift = _Field(
        rng,
        surface_mni152_mm.min(0) - margin_mm,
        surface_mni152_mm.max(0) + margin_mm,
        SHIFT_SMOOTHNESS_MM,
        SHIFT_MM,
    )
    for _ in range(N_STEPS):
        pos_mm = pos_mm + shift(pos_mm) / N_STEPS
    return _below_skull(phantom, pos_mm)


def slide(rng: np.random.Generator, direction: np.ndarray) -> np.ndarray:
    """Shift directions (n, 3) on the sphere by a smooth field that does not turn it over."""
    box_mm = np.full(3, SPHERE_RADIUS_MM + FIELD_STEP_MM)
    field = _Field(rng, -box_mm, box_mm, SLIDE_SMOOTHNESS_MM, SLIDE_MM)
    for _ in range(N_STEPS):
        step = field(direction * SPHERE_RADIUS_MM) / SPHERE_RADIUS_MM / N_STEPS
        step -= direction * np.einsum("ij,ij->i", direction, step)[:, None]
        direction = direction + step
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return direction


def sphere_directions() -> np.ndarray:
    """Unit directions of fsaverage5's vertices on the sphere of their hemisphere: (20484, 3)."""
    sphere_mm = load_template().sphere_mm
    return sphere_mm / np.linalg.norm(sphere_mm, axis=1, keepdims=True)


def _on_surface(surface_mm, direction, right):
    """Points of one hemisphere's surface in the triangles of the sphere that directions meet."""
    faces = load_template().faces
    own = slice(N_VERTICES_HEMI, N_VERTICES) if right else slice(0, N_VERTICES_HEMI)
    faces = faces[(faces[:, 0] >= own.start) & (faces[:, 0] < own.stop)]
    corners = sphere_directions()[faces]
    near = cKDTree(corners.mean(1)).query(direction, k=N_NEAR_FACES)[1]
    # Each direction as a sum of a triangle's corners: all weights are positive in the one it meets.
    weight = np.linalg.solve(
        np.moveaxis(corners[near], -1, -2), np.repeat(direction[:, None, :, None], N_NEAR_FACES, 1)
    )[..., 0]
    weight /= weight.sum(-1, keepdims=True)
    met = weight.min(-1).argmax(1)
    row = np.arange(len(direction))
    return np.einsum("nk,nkd->nd", weight[row, met], surface_mm[faces[near[row, met]]])


def _below_skull(phantom, pos_mm):
    """Draw what came too close to the inner skull back towards the brain's centre."""
    for _ in range(40):
        depth_mm = -phantom.sample(phantom.inner_skull_mm, pos_mm)
        close = depth_mm < SKULL_CLEARANCE_MM
        if not close.any():
            return pos_mm
        inward = BRAIN_CENTRE_MNI152_MM - pos_mm[close]
        inward /= np.linalg.norm(inward, axis=1, keepdims=True)
        missing_mm = np.maximum(SKULL_CLEARANCE_MM - depth_mm[close], 0.1)
        pos_mm[close] += inward * missing_mm[:, None]
    return pos_mm
