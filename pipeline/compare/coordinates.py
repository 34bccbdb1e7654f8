"""Contact coordinates: which unit, and do they lie in this head."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from pipeline.errors import InvalidInput

UNIT_IN_MM = {"m": 1000.0, "cm": 10.0, "mm": 1.0}
# Brain shift, post-operative swelling and a coarse scalp move contacts by less than this.
HEAD_TOLERANCE_MM = 10.0
MIN_SHARE_IN_HEAD = 0.9
# No array that is implanted for presurgical evaluation has its contacts closer or its nearest
# neighbours further apart.
SPACING_MM = (1.25, 60.0)


def outside_head_mm(pos_mri_mm: np.ndarray, scalp_mri_mm: np.ndarray) -> np.ndarray:
    """How far each point (n, 3) lies outside the scalp along the ray from the head's centre (n,).

    Negative inside. The scalp (m, 3) is taken as star-shaped about its centre.
    """
    centre = (scalp_mri_mm.max(0) + scalp_mri_mm.min(0)) / 2
    scalp_radius = np.linalg.norm(scalp_mri_mm - centre, axis=1)
    radius = np.linalg.norm(pos_mri_mm - centre, axis=1)
    direction = (pos_mri_mm - centre) / np.maximum(radius, 1e-9)[:, None]
    _, nearest = cKDTree((scalp_mri_mm - centre) / scalp_radius[:, None]).query(direction, k=4)
    return radius - scalp_radius[nearest].mean(1)


def fits_head(pos_mri_mm: np.ndarray, scalp_mri_mm: np.ndarray) -> bool:
    """Whether contacts (n, 3) lie in the head and as far apart as contacts do."""
    inside = outside_head_mm(pos_mri_mm, scalp_mri_mm) <= HEAD_TOLERANCE_MM
    if inside.mean() < MIN_SHARE_IN_HEAD:
        return False
    if len(pos_mri_mm) == 1:
        return True
    spacing = np.median(cKDTree(pos_mri_mm).query(pos_mri_mm, k=2)[0][:, 1])
    return SPACING_MM[0] <= spacing <= SPACING_MM[1]


def to_mm(
    coordinates: np.ndarray,
    unit: str,
    carry: Callable[[np.ndarray], np.ndarray],
    scalp_mri_mm: np.ndarray,
    electrodes: Path,
    coordsystem: Path,
) -> np.ndarray:
    """Contacts (n, 3) in the T1w, mm; refused where the declared unit does not fit the head.

    Parameters
    ----------
    coordinates : ndarray, (n, 3)
    unit : str
        Declared unit of them.
    carry : callable
        From positions (n, 3) in their own space, mm, to the T1w's scanner RAS.
    scalp_mri_mm : ndarray, (m, 3)
    electrodes, coordsystem : Path
        Named in the error.

    Raises
    ------
    InvalidInput
        Another unit, or none, would place the contacts in the head; nothing is guessed.
    """
    declared = carry(coordinates * UNIT_IN_MM[unit])
    if fits_head(declared, scalp_mri_mm):
        return declared
    fitting = [
        other
        for other, factor in UNIT_IN_MM.items()
        if other != unit and fits_head(carry(coordinates * factor), scalp_mri_mm)
    ]
    if fitting:
        raise InvalidInput(
            f"the contacts of {electrodes.name} are declared in {unit} but fit this head only "
            f"in {' or '.join(fitting)}",
            file=coordsystem,
            hint=f'correct "iEEGCoordinateUnits" to "{fitting[0]}" if that is what they are, '
            "or the coordinates",
        )
    raise InvalidInput(
        f"the contacts, declared in {unit} in {coordsystem.name}, do not lie in this head "
        "in any unit",
        file=electrodes,
        hint="check which image or template their coordinates refer to "
        '("iEEGCoordinateSystem" and "IntendedFor")',
    )
