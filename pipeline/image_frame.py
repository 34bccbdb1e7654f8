"""Where an image says that it lies: one check for the T1w and for all images beside it.

A NIfTI may say it twice, by its sform and its qform, and each counts only where its code is not 0.
Readers fill the gap where both are 0, and do not agree which side is left then.
"""

from itertools import product
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy.linalg import polar

from pipeline.doubts import Doubt
from pipeline.errors import InvalidInput
from pipeline.nifti import states_voxel_size

MAX_APART_MM, MAX_APART_DEG = 1.0, 1.0
MAX_SHEAR_DEG = 1.0
MAX_SIZE_RATIO = 0.01
TEMPLATE_SPACES = {3: "Talairach", 4: "MNI152"}
# Voxels of the images of SPM, FSL and TemplateFlow in MNI space, at 1, 1.5 and 2 mm.
TEMPLATE_GRIDS = frozenset(
    {
        *((182, 218, 182), (91, 109, 91), (181, 217, 181), (193, 229, 193), (97, 115, 97)),
        *((197, 233, 189), (99, 117, 95), (79, 95, 79), (157, 189, 156), (121, 145, 121)),
        (113, 137, 113),
    }
)
# Bytes of an MGH header that say whether its directions are set.
_MGH_FLAG = slice(28, 30)
# Volume between unit vectors along the three axes: 1 where they are perpendicular.
_MIN_INDEPENDENCE = 1e-3


def frame_doubts(image, path: Path, what: str) -> tuple[Doubt, ...]:
    """What is doubtful about where an image lies; refuse one that does not say it.

    Parameters
    ----------
    image : nibabel image
        As loaded from `path`.
    path : Path
    what : str
        How the image is called in sentences, for example "T1w".

    Returns
    -------
    tuple of Doubt
        Empty for nearly all images.

    Raises
    ------
    InvalidInput
        The header does not say where the image lies, or what is used of it is no position.
    """
    if not _is_placed(image, path):
        raise InvalidInput(
            f"the {what} does not say where it lies (its sform and qform are not set), so that left "
            "and right cannot be told",
            file=path,
            hint="convert the DICOM series again, for example with dcm2niix, or write it again with "
            "the affine of the image that it was made on",
        )
    affine = np.asarray(image.affine, float)
    used = "sform" if _code(image, "sform") else "qform" if _code(image, "qform") else "affine"
    if not _is_position(affine) or (used == "qform" and not states_voxel_size(path)):
        raise InvalidInput(
            f"the {used} of the {what} is no position",
            file=path,
            hint="convert the DICOM series again, for example with dcm2niix",
        )
    return (
        *_disagreement(image, affine, what),
        *_other_sizes(image, path, affine, what),
        *_shear(affine, what),
        *_template_space(image, what),
    )


def _is_placed(image, path: Path) -> bool:
    if isinstance(image, nib.MGHImage):
        # nibabel sets the flag itself, with directions of its own.
        with nib.openers.ImageOpener(str(path)) as stream:
            return any(stream.read(_MGH_FLAG.stop)[_MGH_FLAG])
    if "sform_code" in image.header:
        return bool(_code(image, "sform") or _code(image, "qform"))
    return not isinstance(image, nib.AnalyzeImage)


def _code(image, form: str) -> int:
    return int(image.header[f"{form}_code"]) if f"{form}_code" in image.header else 0


def _is_position(affine: np.ndarray) -> bool:
    size_mm = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.isfinite(affine).all() or size_mm.min() == 0:
        return False
    return abs(np.linalg.det(affine[:3, :3] / size_mm)) > _MIN_INDEPENDENCE


def _disagreement(image, sform: np.ndarray, what: str) -> tuple[Doubt, ...]:
    """Of a sform, which is what is used, and a qform."""
    if not (_code(image, "sform") and _code(image, "qform")):
        return ()
    try:
        qform = np.asarray(image.header.get_qform(), float)
    except (ValueError, nib.spatialimages.HeaderDataError):
        qform = np.full((4, 4), np.nan)
    if not _is_position(qform):
        return (Doubt(f"the qform of the {what} is no position; its sform is used"),)
    corners = np.array(list(product(*((0, n - 1) for n in image.shape[:3]))), float)
    apart = (sform - qform)[:3, :3] @ corners.T + (sform - qform)[:3, 3:]
    apart_mm = float(np.linalg.norm(apart, axis=0).max())
    if np.linalg.det(sform[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0:
        text = (
            f"the sform and the qform of the {what} disagree about which side is left (up to "
            f"{apart_mm:.1f} mm apart); the sform is used, and every side said here rests on it"
        )
        return (Doubt(text, grave=True),)
    turn = polar(sform[:3, :3])[0] @ polar(qform[:3, :3])[0].T
    apart_deg = float(np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))))
    if apart_mm <= MAX_APART_MM and apart_deg <= MAX_APART_DEG:
        return ()
    text = (
        f"the sform and the qform of the {what} disagree by up to {apart_mm:.1f} mm and "
        f"{apart_deg:.1f} degrees within the image; the sform is used"
    )
    return (Doubt(text),)


def _other_sizes(image, path: Path, affine: np.ndarray, what: str) -> tuple[Doubt, ...]:
    """Of a sform alone, whose voxels are not of the sizes that the header states beside it."""
    if not _code(image, "sform") or _code(image, "qform") or not states_voxel_size(path):
        return ()
    stated_mm = np.abs(np.asarray(image.header["pixdim"][1:4], float))
    used_mm = np.linalg.norm(affine[:3, :3], axis=0)
    if np.allclose(stated_mm, used_mm, rtol=MAX_SIZE_RATIO):
        return ()
    sizes = [" x ".join(f"{size:.3g}" for size in each) for each in (stated_mm, used_mm)]
    text = (
        f"the header of the {what} states voxels of {sizes[0]} mm and its sform has {sizes[1]} mm; the sform "
        "is used: if the image was resampled without it, its size and place are wrong"
    )
    return (Doubt(text),)


def _shear(affine: np.ndarray, what: str) -> tuple[Doubt, ...]:
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    cosines = np.abs((axes.T @ axes)[np.triu_indices(3, 1)])
    shear_deg = float(np.degrees(np.arcsin(np.clip(cosines.max(), 0, 1))))
    if shear_deg <= MAX_SHEAR_DEG:
        return ()
    text = (
        f"the axes of the {what} are {shear_deg:.1f} degrees from perpendicular: it may have been "
        "deformed, and distances in it are then not the head's"
    )
    return (Doubt(text),)


def _template_space(image, what: str) -> tuple[Doubt, ...]:
    space = TEMPLATE_SPACES.get(_code(image, "sform") or _code(image, "qform"))
    if space is None:
        return ()
    text = (
        f"the header of the {what} says that it lies in {space} space: if it was fitted to a "
        "template, distances in it are not the head's"
    )
    return (Doubt(text),)
