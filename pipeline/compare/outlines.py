"""Where contacts can lie, from the images alone: before a head model and its transforms exist."""

from collections.abc import Callable

import numpy as np

from pipeline.compare.frames import T1W, Frame
from pipeline.compare.images import open_image
from pipeline.compare.placing import Carried
from pipeline.errors import InvalidInput
from pipeline.headmodel.meshes import mask_surface
from pipeline.headmodel.scalp import SKIN_SHARE_OF_BRAIN, head_mask
from pipeline.headmodel.t1w import Volume, resample
from pipeline.warp import apply_affine

SPACING_MM = 4.0
# Air takes the lowest intensities, brain and fat the highest.
PERCENTILES = (1.0, 95.0)
# The head of the MNI templates, lowest and highest corner.
TEMPLATE_MM = np.array([[-95.0, -135, -100], [95, 105, 110]])


def unregistered(t1w: Volume) -> tuple[Callable[[Frame], Carried | str], np.ndarray]:
    """What `resolve_contacts` needs to check units and frames in seconds, without a head model.

    Returns
    -------
    carry : callable
        Leaves positions where they are, with the outline of the head or field of view that they
        must lie in.
    scalp_mri_mm : ndarray, (n, 3)
        An outline of the head.
    """
    return _carry, head_outline_mm(t1w)


def _carry(frame: Frame) -> Carried | str:
    outline_mm = None
    if frame.image is not None:
        try:
            image = open_image(frame.image, "image of the contacts")
        except InvalidInput as error:
            return f"the coordinates refer to {frame.image.name}: {error.message}"
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in image.shape[:3]])).reshape(3, -1).T
        corners_mm = apply_affine(np.asarray(image.affine, float), corners.astype(float))
        outline_mm = box_outline_mm(corners_mm.min(0), corners_mm.max(0))
    elif frame.kind != T1W:
        outline_mm = box_outline_mm(*TEMPLATE_MM)
    return Carried(lambda pos_mm: pos_mm, "not carried yet", head_mm=outline_mm)


def head_outline_mm(t1w: Volume) -> np.ndarray:
    """Vertices (n, 3) between head and air, coarsely."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in t1w.data.shape])).reshape(3, -1).T
    corners_mm = apply_affine(t1w.affine, corners.astype(float))
    low_mm, high_mm = corners_mm.min(0), corners_mm.max(0)
    coarse = resample(t1w, SPACING_MM, low_mm, high_mm)
    air, tissue = np.percentile(coarse.data, PERCENTILES)
    mask = head_mask(coarse.data > air + SKIN_SHARE_OF_BRAIN * (tissue - air))
    if not mask.any():
        return box_outline_mm(low_mm, high_mm)
    return mask_surface(mask, coarse.affine)[0]


def box_outline_mm(low_mm: np.ndarray, high_mm: np.ndarray, n: int = 24) -> np.ndarray:
    """Points (m, 3) on the faces of a box."""
    steps = np.linspace(0, 1, n)
    first, second = (axis.ravel() for axis in np.meshgrid(steps, steps))
    faces = [
        np.insert(np.stack([first, second], axis=1), axis, side, axis=1)
        for axis in range(3)
        for side in (0.0, 1.0)
    ]
    return low_mm + np.concatenate(faces) * (high_mm - low_mm)
