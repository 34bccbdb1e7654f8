"""Whether the resection mask and the contacts marked as resected can be of one operation."""

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from pipeline.doubts import Doubt
from pipeline.metrics._case import Contacts, Resection

# What is marked as resected was removed: brain shift and localisation move a contact by less.
FAR_FROM_MASK_MM = 15.0
MIN_RESECTED = 3
# Parts of one resection are neighbours; further apart are two operations, or a slip of the pen.
FAR_PART_MM = 10.0
_NEIGHBOURS = np.ones((3, 3, 3), bool)


def contacts_beside_mask(
    contacts: Contacts, mask: Resection, midline_mm: float
) -> tuple[Doubt, ...]:
    """A grave doubt where the contacts marked as resected lie far from the mask, most of them.

    Parameters
    ----------
    contacts : Contacts
    mask : Resection
        In scanner RAS of the T1w.
    midline_mm : float
        Left of the head's middle is below.
    """
    marked_mm = contacts.pos_mri_mm[contacts.resected]
    if len(marked_mm) < MIN_RESECTED or not mask.inside.any():
        return ()
    far_mm = float(np.median(mask.distance_mm(marked_mm)))
    if far_mm <= FAR_FROM_MASK_MM:
        return ()
    mirrored_mm = marked_mm * [-1, 1, 1] + [2 * midline_mm, 0, 0]
    how = "one of the two is in the wrong place, or they are of two operations"
    if np.median(mask.distance_mm(mirrored_mm)) <= FAR_FROM_MASK_MM:
        how = "and mirrored they would lie in it: one of the two is on the wrong side"
    text = (
        f"The {len(marked_mm)} contacts marked as resected lie {far_mm:.0f} mm from the resection mask in the "
        f"median, {how}"
    )
    return (Doubt(text, grave=True),)


def far_parts(mask: Resection) -> tuple[Doubt, ...]:
    """A doubt where parts of a mask lie away from its largest one: distances and shares count them."""
    parts, n_parts = ndimage.label(mask.inside, _NEIGHBOURS)
    if n_parts < 2:
        return ()
    sizes = np.bincount(parts.ravel())[1:]
    largest = 1 + int(np.argmax(sizes))
    part_of = parts[mask.inside]
    voxels_mm = mask.voxels_mri_mm
    apart_mm, _ = cKDTree(voxels_mm[part_of == largest]).query(voxels_mm)
    nearest_mm = ndimage.minimum(apart_mm, part_of, np.arange(1, n_parts + 1))
    far = np.flatnonzero(nearest_mm > FAR_PART_MM)
    if not len(far):
        return ()
    cm3 = mask.volume_cm3 * sizes[far].sum() / sizes.sum()
    text = (
        f"The resection mask has {len(far)} parts of {cm3:.2g} cm³ together up to {nearest_mm.max():.0f} mm away "
        "from its largest one; they count as resected: look whether they were"
    )
    return (Doubt(text),)
