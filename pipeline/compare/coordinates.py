"""Contact coordinates: which unit, and do they lie in this head."""

from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree

from pipeline.stated_places import UNIT_IN_MM

# Brain shift, post-operative swelling and a coarse scalp move contacts by less than this.
HEAD_TOLERANCE_MM = 10.0
MIN_SHARE_IN_HEAD = 0.9
# Asked of a unit that the dataset does not declare.
MIN_SHARE_BY_OTHER_UNIT = 0.95
# No array that is implanted for presurgical evaluation has its contacts closer or its nearest
# neighbours further apart.
SPACING_MM = (1.25, 60.0)
# In centimetres read as millimetres the contacts of a shaft come as near as this, in metres nearer, and
# those to within a hundredth of the others' distance from the origin.
OF_OTHER_UNIT_MM = 0.6
# Of tkRAS or LPS that is called scanner RAS: a T1w whose middle is nearer to the origin moves nobody's
# contacts enough, and fewer contacts fit by chance.
MIN_MIDDLE_MM, FEWEST_CONTACTS = 5.0, 10
BELOW_SCALP_MM, MIN_SHARE_BELOW, MIN_GAIN = 4.0, 0.95, 0.1
AT_ORIGIN_SHARE = 0.01


def outside_head_mm(pos_mri_mm: np.ndarray, scalp_mri_mm: np.ndarray) -> np.ndarray:
    """How far each point (n, 3) lies outside the scalp along the ray from the head's centre (n,).

    Negative inside. The scalp (m, 3) is taken as star-shaped about its centre.
    """
    centre = (scalp_mri_mm.max(0) + scalp_mri_mm.min(0)) / 2
    scalp_radius = np.linalg.norm(scalp_mri_mm - centre, axis=1)
    radius = np.linalg.norm(pos_mri_mm - centre, axis=1)
    # Of directions the nearest to a point is that of its ray, whatever its length.
    directions = cKDTree((scalp_mri_mm - centre) / scalp_radius[:, None])
    _, nearest = directions.query(pos_mri_mm - centre, k=4)
    return radius - scalp_radius[nearest].mean(1)


def fits_head(pos_mri_mm: np.ndarray, scalp_mri_mm: np.ndarray, share: float) -> bool:
    """Whether this share of contacts (n, 3) lies in the head, as far apart as contacts do."""
    inside = outside_head_mm(pos_mri_mm, scalp_mri_mm) <= HEAD_TOLERANCE_MM
    if inside.mean() < share:
        return False
    # A contact in two rows is as near to itself as none is to another.
    pos_mri_mm = np.unique(pos_mri_mm, axis=0)
    if len(pos_mri_mm) == 1:
        return True
    spacing = np.median(cKDTree(pos_mri_mm).query(pos_mri_mm, k=2)[0][:, 1])
    return SPACING_MM[0] <= spacing <= SPACING_MM[1]


def fits_better(
    pos_mri_mm: np.ndarray, otherwise_mri_mm: np.ndarray, scalp_mri_mm: np.ndarray
) -> tuple[float, float] | None:
    """Shares of contacts (n, 3) below the scalp as stated and in other axes, where the latter fit clearly better."""
    if len(pos_mri_mm) < FEWEST_CONTACTS:
        return None
    stated, moved = (
        float((outside_head_mm(pos_mm, scalp_mri_mm) <= -BELOW_SCALP_MM).mean())
        for pos_mm in (pos_mri_mm, otherwise_mri_mm)
    )
    return (stated, moved) if moved >= max(MIN_SHARE_BELOW, stated + MIN_GAIN) else None


def in_possible_unit(
    coordinates: np.ndarray,
    declared: str,
    carry: Callable[[np.ndarray], np.ndarray],
    scalp_mri_mm: np.ndarray,
) -> tuple[np.ndarray, str] | str:
    """Contacts in the T1w by their declared unit; by another where that is the only possible one.

    Parameters
    ----------
    coordinates : ndarray, (n, 3)
    declared : str
        Unit of them, as `unit_of` gives it.
    carry : callable
        From positions (n, 3) in their own space, mm, to the T1w's scanner RAS.
    scalp_mri_mm : ndarray, (m, 3)

    Returns
    -------
    pos_mri_mm, unit : ndarray, (n, 3), and str
        Or why no unit can be used.
    """
    pos_mri_mm = carry(coordinates * UNIT_IN_MM[declared])
    if fits_head(pos_mri_mm, scalp_mri_mm, MIN_SHARE_IN_HEAD):
        return pos_mri_mm, declared
    carried = {
        unit: carry(coordinates * factor) for unit, factor in UNIT_IN_MM.items() if unit != declared
    }
    fitting = {
        unit: pos_mm
        for unit, pos_mm in carried.items()
        if fits_head(pos_mm, scalp_mri_mm, MIN_SHARE_BY_OTHER_UNIT)
    }
    if len(fitting) == 1:
        return next((pos_mm, unit) for unit, pos_mm in fitting.items())
    if fitting:
        return f"are declared in {declared}, but can be in {' or '.join(fitting)} just as well"
    return f"are declared in {declared}, but do not lie in this head in any unit"


def of_other_unit(pos_mm: np.ndarray, known: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Which contacts (n,) seem to be in a longer unit than the rest of their table.

    Parameters
    ----------
    pos_mm : ndarray, (n, 3)
        In their own space, by the unit of the table.
    known : ndarray of bool, (n,)
        Those with a position.
    key : ndarray of str, (n,)
        What tells contacts apart: one may be there twice.
    """
    odd = np.zeros(len(pos_mm), bool)
    if known.sum() < 2:
        return odd
    size_mm = np.linalg.norm(pos_mm[known], axis=1)
    odd[known] = size_mm < AT_ORIGIN_SHARE * np.median(size_mm)
    where = np.flatnonzero(known)
    for one, other in cKDTree(pos_mm[known]).query_pairs(OF_OTHER_UNIT_MM, output_type="ndarray"):
        one, other = where[one], where[other]
        # At the very same place they are one contact by two names, or rounded.
        if key[one] != key[other] and (pos_mm[one] != pos_mm[other]).any():
            odd[[one, other]] = True
    return odd if odd.sum() < known.sum() / 2 else np.zeros(len(pos_mm), bool)
