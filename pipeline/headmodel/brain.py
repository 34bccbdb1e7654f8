"""Finding the brain in the T1w (deepbet, Fisch et al. 2024)."""

from pathlib import Path

import nibabel as nib
import numpy as np

from pipeline.errors import InvalidInput
from pipeline.headmodel.t1w import Volume

MIN_BRAIN_CM3, MAX_BRAIN_CM3 = 500.0, 2300.0


def extract_brain(t1w: Volume, file: Path) -> np.ndarray:
    """Segment the brain with the network that deepbet carries.

    Parameters
    ----------
    t1w : Volume
    file : Path
        Named in the error.

    Returns
    -------
    mask : ndarray of bool, (i, j, k)
        Cerebrum, cerebellum and brain stem, without holes.

    Raises
    ------
    InvalidInput
        Nothing in the image has the size of a brain.
    """
    # deepbet and its torch take two seconds to import: only those who need them wait.
    from deepbet.bet import BrainExtraction

    try:
        found = BrainExtraction(no_gpu=True).run(nib.Nifti1Image(t1w.data, t1w.affine))[1]
        mask = np.asarray(found.dataobj) > 0
    except (AssertionError, ValueError, RuntimeError):  # how it says that there is no foreground
        mask = np.zeros(t1w.data.shape, bool)
    volume_cm3 = mask_volume_cm3(mask, t1w.affine)
    if not MIN_BRAIN_CM3 <= volume_cm3 <= MAX_BRAIN_CM3:
        raise InvalidInput(
            f"no brain was found in the T1w (largest candidate {volume_cm3:.0f} cm3)",
            file=file,
            hint="look at the image: a T1w of the whole head is needed",
        )
    return mask


def mask_volume_cm3(mask: np.ndarray, affine: np.ndarray) -> float:
    """Volume of a mask (i, j, k) in cubic centimetres."""
    return float(mask.sum() * abs(np.linalg.det(affine[:3, :3])) / 1000)
