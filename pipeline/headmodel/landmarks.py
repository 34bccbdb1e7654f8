"""Nasion and preauricular points in the T1w."""

from importlib.resources import files
from pathlib import Path

import mne
import numpy as np
from mne.io.constants import FIFF

from pipeline.errors import InvalidInput
from pipeline.files import read_metadata
from pipeline.headmodel.registration import apply_affine

LANDMARKS = ("nasion", "lpa", "rpa")
_SPELLINGS = {
    "nas": "nasion",
    "nasion": "nasion",
    "nz": "nasion",
    "lpa": "lpa",
    "leftear": "lpa",
    "rpa": "rpa",
    "rightear": "rpa",
}
# Marked points lie on the skin or, at the ears, within the outer ear canal.
MAX_FROM_SCALP_MM = 25.0


def read_landmarks_mri_mm(sidecar: Path | None, affine: np.ndarray) -> dict[str, np.ndarray] | None:
    """Landmarks of ``AnatomicalLandmarkCoordinates`` in scanner RAS, mm.

    Parameters
    ----------
    sidecar : Path or None
        The T1w's JSON; its coordinates are 0-based voxel indices (BIDS).
    affine : ndarray, (4, 4)
        The T1w's.

    Returns
    -------
    landmarks : dict of str to ndarray (3,), or None
        "nasion", "lpa", "rpa"; None if the sidecar does not hold all three.

    Raises
    ------
    InvalidInput
        The sidecar is not JSON, or a landmark is not a position.
    """
    if sidecar is None:
        return None
    stored = read_metadata(sidecar).get("AnatomicalLandmarkCoordinates")
    found = {}
    for name, voxel in (stored if isinstance(stored, dict) else {}).items():
        known = _SPELLINGS.get("".join(filter(str.isalpha, name.lower())))
        if known is None:
            continue
        try:
            index = np.array(voxel, float)
        except (TypeError, ValueError):
            index = np.empty(0)
        if index.shape != (3,) or not np.isfinite(index).all():
            raise InvalidInput(
                f"the anatomical landmark {name} is not a position",
                file=sidecar,
                hint="give three voxel indices (0-based) or remove AnatomicalLandmarkCoordinates",
            )
        found[known] = apply_affine(affine, index[None])[0]
    return found if set(found) == set(LANDMARKS) else None


def template_landmarks_mni305_mm() -> dict[str, np.ndarray]:
    """fsaverage's landmarks (3,) in its own frame, as mne carries them."""
    path = files(mne) / "data" / "fsaverage" / "fsaverage-fiducials.fif"
    points, _ = mne.io.read_fiducials(path, verbose="error")
    names = {
        FIFF.FIFFV_POINT_NASION: "nasion",
        FIFF.FIFFV_POINT_LPA: "lpa",
        FIFF.FIFFV_POINT_RPA: "rpa",
    }
    return {names[int(point["ident"])]: point["r"] * 1000.0 for point in points}
