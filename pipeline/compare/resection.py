"""The resection mask: is it this head's, which regions does it hold, how far is its edge."""

from pathlib import Path

import nibabel as nib
import numpy as np

from pipeline.compare.coordinates import outside_head_mm
from pipeline.compare.frames import is_own_space
from pipeline.compare.images import open_image, unreadable
from pipeline.doubts import Doubt
from pipeline.errors import InvalidInput
from pipeline.headmodel.t1w import Volume
from pipeline.image_frame import MAX_APART_MM, TEMPLATE_GRIDS, frame_doubts
from pipeline.metrics._case import Resection
from pipeline.names import entities_of
from pipeline.nifti import require_intact, require_memory

SCALP_TOLERANCE_MM = 5.0
BRAIN_TOLERANCE_MM = 5.0
# Resampling a mask by splines overshoots by a little.
PROBABILITY_MARGIN = 0.25
MIN_SHARE_IN_HEAD = 0.95
MIN_SHARE_IN_BRAIN = 0.5
# A hemisphere is a little less than half of the brain; no operation takes more.
MAX_SHARE_OF_BRAIN = 0.6


def read_resection(path: Path) -> Resection:
    """Read the mask: of two values the larger one, of probabilities from 0 to 1 those above a half.

    Raises
    ------
    InvalidInput
        Unreadable, of absurd size, not 3-D, without an affine, or with values that do not say what is
        resected.
    """
    image = open_image(path, "resection mask")
    require_memory(image, path, "resection mask")
    require_intact(path, "resection mask")
    try:
        data = np.asarray(image.dataobj)
    except Exception as error:
        raise unreadable(path, "resection mask") from error
    data = data[..., 0] if data.ndim == 4 and data.shape[3] == 1 else data
    if data.ndim != 3:
        raise InvalidInput(
            f"the resection mask has {data.ndim} dimensions",
            file=path,
            hint="give a three-dimensional mask in the T1w's space",
        )
    doubts = frame_doubts(image, path, "resection mask")
    return Resection(_resected(np.nan_to_num(data), path), image.affine, doubts)


def _resected(data: np.ndarray, path: Path) -> np.ndarray:
    """The voxels (i, j, k) that a mask marks; zero is what it does not."""
    low, high = float(data.min()), float(data.max())
    values = np.unique(data) if np.ptp(data) else np.array([low])
    if low == 0 and len(values) <= 2:
        return data > 0
    if -PROBABILITY_MARGIN <= low and 0.5 < high <= 1 + PROBABILITY_MARGIN:
        return data > 0.5
    whole = bool((values == np.round(values)).all())
    shown = ", ".join(f"{value:.4g}" for value in values[:4]) + (", …" if len(values) > 4 else "")
    told = (
        f"the labels {shown}, and which is the resection is not said"
        if whole
        else f"values from {low:.3g} to {high:.3g}, which are neither labels nor probabilities"
    )
    if 0 <= low and high <= 0.5:
        told = f"no value above a half (the largest is {high:.2g})"
    raise InvalidInput(
        f"the resection mask holds {told}",
        file=path,
        hint="give a mask with 0 outside the resection and 1 in it",
    )


def share_in_head(resection: Resection, scalp_mri_mm: np.ndarray) -> float:
    """Part of a mask's voxels that lies within a head's outline (n, 3)."""
    outside_mm = outside_head_mm(resection.voxels_mri_mm, scalp_mri_mm)
    return float((outside_mm <= SCALP_TOLERANCE_MM).mean())


def check_in_head(
    resection: Resection, scalp_mri_mm: np.ndarray, brain: Resection, path: Path
) -> dict[str, float]:
    """Refuse a mask that lies outside this head or mostly outside its brain.

    Parameters
    ----------
    scalp_mri_mm : ndarray, (n, 3)
    brain : Resection
        The brain mask.

    Returns
    -------
    shares : dict
        Parts of the mask in the head and in the brain.
    """
    voxels_mm = resection.voxels_mri_mm
    in_head = share_in_head(resection, scalp_mri_mm)
    in_brain = float((brain.distance_mm(voxels_mm) <= BRAIN_TOLERANCE_MM).mean())
    if in_head < MIN_SHARE_IN_HEAD or in_brain < MIN_SHARE_IN_BRAIN:
        raise InvalidInput(
            f"only {in_head:.0%} of the resection mask lie in this head and {in_brain:.0%} in its "
            "brain: the mask seems to have another subject's geometry",
            file=path,
            hint="give the mask of this participant in the space of the pre-operative T1w",
        )
    return {"share_in_head": in_head, "share_in_brain": in_brain}


def same_grid(mask: Resection, image: Volume) -> bool:
    """Whether a mask has the voxels of an image."""
    return mask.inside.shape == image.data.shape and np.allclose(
        mask.affine, image.affine, atol=1e-3
    )


def mirrored_grid(mask: Resection, image: Volume) -> tuple[Doubt, ...]:
    """A doubt where a mask has the voxels of an image, but counts them from the other side."""
    mirrored = np.linalg.det(mask.affine[:3, :3]) * np.linalg.det(image.affine[:3, :3]) < 0
    if mask.inside.shape != image.data.shape or not mirrored:
        return ()
    text = (
        "The resection mask has as many voxels as the T1w, but its header counts them from the other "
        "side: if it was drawn on the T1w without its header, the side of the resection is wrong"
    )
    return (Doubt(text),)


def moved_grid(mask: Resection, image: Volume) -> tuple[Doubt, ...]:
    """A doubt where a mask has as many voxels as an image, in a box that lies elsewhere.

    So does a mask that was drawn before the image's origin was changed, and one that was drawn on
    another image of the same protocol.
    """
    if mask.inside.shape != image.data.shape:
        return ()
    boxes = [_box_mm(image.data.shape, each.affine) for each in (mask, image)]
    apart_mm = float(np.linalg.norm(boxes[0] - boxes[1], axis=1).max())
    if apart_mm <= MAX_APART_MM:
        return ()
    text = (
        f"The resection mask has as many voxels as the T1w, but its header places them up to "
        f"{apart_mm:.0f} mm elsewhere: if it was drawn on the T1w before its header was changed, or on "
        "another image, it lies in the wrong place"
    )
    return (Doubt(text),)


def of_template_grid(mask: Resection, image: Volume) -> tuple[Doubt, ...]:
    """A doubt where a mask has the voxels of a template's image, and the T1w has others."""
    shape = mask.inside.shape
    if shape not in TEMPLATE_GRIDS or same_grid(mask, image):
        return ()
    text = (
        f"The resection mask has the voxels of a template's image ({' x '.join(map(str, shape))}): if it "
        "was fitted to the template, it is not where this head's resection is"
    )
    return (Doubt(text),)


def of_other_space(mask_path: Path, mask: Resection, image: Volume) -> tuple[Doubt, ...]:
    """A doubt where a mask is named as in the space of another image than the T1w, off whose grid it is."""
    space = entities_of(mask_path.name).get("space", "")
    if not space or is_own_space(space) or same_grid(mask, image):
        return ()
    text = (
        f"The resection mask is named as in {space} space; it was placed by its header, as if that were "
        "the T1w's"
    )
    return (Doubt(text),)


def of_other_session(drawn_on: str, mask: Resection, image: Volume) -> tuple[Doubt, ...]:
    """A doubt where a mask was drawn on an image of another session, in which the head lay otherwise."""
    if not drawn_on:
        return ()
    voxels = "the T1w's" if same_grid(mask, image) else "other"
    text = (
        f"The resection mask was drawn on {drawn_on}, a T1w of another session, and has {voxels} voxels; it was "
        "placed by its header, as if the head had lain alike in both: if it did not, the resection lies in the "
        "wrong place"
    )
    return (Doubt(text),)


def _box_mm(shape: tuple[int, ...], affine: np.ndarray) -> np.ndarray:
    """Lowest and highest corner (2, 3) of an image's voxels, however they are counted."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape])).reshape(3, -1).T
    corners_mm = nib.affines.apply_affine(affine, corners)
    return np.array([corners_mm.min(0), corners_mm.max(0)])


def on_grid(mask: Resection, image: Volume) -> Resection:
    """The mask on the voxels of an image, by the nearest voxel."""
    if same_grid(mask, image):
        return Resection(mask.inside, image.affine)
    low = np.maximum(np.floor(_index_range(mask, image)[0]).astype(int), 0)
    high = np.minimum(np.ceil(_index_range(mask, image)[1]).astype(int) + 1, image.data.shape)
    inside = np.zeros(image.data.shape, bool)
    if (high > low).all():
        block = np.stack(np.meshgrid(*map(np.arange, low, high), indexing="ij"), -1)
        points_mm = nib.affines.apply_affine(image.affine, block.reshape(-1, 3))
        box = tuple(slice(first, last) for first, last in zip(low, high, strict=True))
        inside[box] = mask.holds(points_mm).reshape(block.shape[:3])
    return Resection(inside, image.affine)


def _index_range(mask: Resection, image: Volume) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest index (3,) of an image's voxels that the mask can reach."""
    voxels = np.argwhere(mask.inside)
    corners = np.array(
        np.meshgrid(*zip(voxels.min(0) - 1, voxels.max(0) + 1, strict=True))
    ).reshape(3, -1)
    to_image = np.linalg.inv(image.affine) @ mask.affine
    index = nib.affines.apply_affine(to_image, corners.T)
    return index.min(0), index.max(0)


def resected_share(
    resection: Resection,
    vertices_mri_mm: np.ndarray,
    vertex_area_mm2: np.ndarray,
    vertex_region: np.ndarray,
) -> np.ndarray:
    """Share (n_regions,) of each region's cortical area that lies in the mask.

    Parameters
    ----------
    vertices_mri_mm : ndarray, (n_vertices, 3)
        Of the midthickness surface.
    vertex_area_mm2 : ndarray, (n_vertices,)
    vertex_region : ndarray of int, (n_vertices,)
        -1 on the medial wall.
    """
    cortex = vertex_region >= 0
    region, area = vertex_region[cortex], vertex_area_mm2[cortex]
    held = resection.holds(vertices_mri_mm[cortex])
    return np.bincount(region, area * held) / np.bincount(region, area)
