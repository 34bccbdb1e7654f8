"""The scalp, from the T1w's own intensities."""

from pathlib import Path

import numpy as np
from scipy.ndimage import binary_closing, binary_fill_holes, binary_opening, label

from pipeline.errors import InvalidInput
from pipeline.headmodel.brain import mask_volume_cm3
from pipeline.headmodel.meshes import mask_surface
from pipeline.headmodel.t1w import Volume, resample

SPACING_MM = 2.0
# Air is near 0, skin and fat at least half as bright as brain: anything between will do.
SKIN_SHARE_OF_BRAIN = 0.25
# Closes ears and nostrils, in voxels of the 2 mm grid.
CLOSING_VOXELS = 4
# Skull and scalp more than double the brain's volume; a stripped image has a few per cent more.
MIN_HEAD_TO_BRAIN = 1.5
MAX_SHARE_OF_FIELD_OF_VIEW = 0.92
# With neck and shoulders; a padded image leaves much of its field of view out.
MAX_HEAD_CM3 = 10_000.0


def scalp_surface(
    t1w: Volume, brain_mask: np.ndarray, file: Path
) -> tuple[np.ndarray, np.ndarray, float, Volume]:
    """Surface between head and air.

    Parameters
    ----------
    t1w : Volume
    brain_mask : ndarray of bool
        On the T1w's grid.
    file : Path
        Named in the error.

    Returns
    -------
    pos_mri_mm : ndarray, (n, 3)
    faces : ndarray of int, (m, 3)
        Outward-facing.
    head_cm3 : float
        Volume within.
    head : Volume
        What is within, as bool on a coarse grid.

    Raises
    ------
    InvalidInput
        The image shows no head around the brain (it is skull-stripped), or no air around the head.
    """
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in t1w.data.shape])).reshape(3, -1).T
    corners_mm = corners @ t1w.affine[:3, :3].T + t1w.affine[:3, 3]
    coarse = resample(t1w, SPACING_MM, corners_mm.min(0), corners_mm.max(0))
    threshold = SKIN_SHARE_OF_BRAIN * float(np.median(t1w.data[brain_mask]))
    mask = head_mask(coarse.data > threshold)
    head_cm3 = mask_volume_cm3(mask, coarse.affine)
    brain_cm3 = mask_volume_cm3(brain_mask, t1w.affine)
    if threshold <= 0 or head_cm3 < MIN_HEAD_TO_BRAIN * brain_cm3:
        raise InvalidInput(
            "the T1w shows no head around the brain",
            file=file,
            hint="give the original image with skull and scalp, not a skull-stripped one",
        )
    field_of_view_cm3 = t1w.data.size * abs(np.linalg.det(t1w.affine[:3, :3])) / 1000
    if head_cm3 > min(MAX_SHARE_OF_FIELD_OF_VIEW * field_of_view_cm3, MAX_HEAD_CM3):
        raise InvalidInput(
            "the T1w shows no dark air around a head",
            file=file,
            hint="give a conventional T1w (of an MP2RAGE, the one with its background removed), and "
            "fill what lies outside the scan with the value of air",
        )
    pos_mri_mm, faces = mask_surface(mask, coarse.affine)
    return pos_mri_mm, faces, head_cm3, Volume(mask, coarse.affine)


def head_mask(bright: np.ndarray) -> np.ndarray:
    """The largest bright object (i, j, k), without holes, cavities that open outwards closed."""
    opened = binary_opening(bright, iterations=1)
    padded = np.pad(opened, CLOSING_VOXELS + 1)
    closed = binary_closing(padded, iterations=CLOSING_VOXELS)
    pieces, n_pieces = label(closed)
    if n_pieces == 0:
        return np.zeros_like(bright)
    closed = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
    # The airways end at the lower border of the image, so that they are holes in slices only.
    for axis in range(3):
        for plane in np.moveaxis(closed, axis, 0):
            plane[:] = binary_fill_holes(plane)
    inner = slice(CLOSING_VOXELS + 1, -CLOSING_VOXELS - 1)
    return closed[inner, inner, inner]
