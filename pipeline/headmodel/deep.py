"""Points in the patient's hippocampi, amygdalae, thalami and basal ganglia, and their field."""

from pathlib import Path

import mne
import nibabel as nib
import numpy as np
from nibabel.spatialimages import SpatialImage

from pipeline.errors import InvalidInput
from pipeline.free_leadfield import free_leadfield
from pipeline.records.deep import DeepSources
from pipeline.template.deep import (
    ASEG_LABELS,
    DEEP_NAMES,
    deep_atlas_mni152_mm,
    labelled_voxels_mm,
)
from pipeline.warp import HeadWarp

STEP_MM = 6.0
# A cell of the grid that a structure fills less than this far has no point of its own.
LEAST_FILLED = 0.25
# Below the smallest that an adult's has (an accumbens has some 300 mm³): it was not segmented.
LEAST_VOLUME_MM3 = 50.0
ASEG_FILES = ("mri/aseg.mgz", "mri/aparc+aseg.mgz")


def thinned(voxels_mm: np.ndarray, voxel_mm3: float, step_mm: float = STEP_MM) -> np.ndarray:
    """Points (m, 3) spread over a structure, one for each cell of a grid that it fills.

    A point is the voxel nearest to the mean of those in its cell, so that it lies inside.

    Parameters
    ----------
    voxels_mm : ndarray, (n, 3)
        Voxels of the structure.
    voxel_mm3 : float
        Volume of one.
    step_mm : float
        Width of a cell.
    """
    cells = np.floor((voxels_mm - voxels_mm.mean(0)) / step_mm + 0.5).astype(int)
    _, cell, counts = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    filled = counts * voxel_mm3 / step_mm**3
    # The fullest one at least, of a structure that fills none well.
    kept = np.flatnonzero(filled >= min(LEAST_FILLED, filled.max()))
    points = []
    for each in kept:
        own = voxels_mm[cell.ravel() == each]
        points.append(own[np.linalg.norm(own - own.mean(0), axis=1).argmin()])
    return np.array(points)


def points_of(voxels_mm: tuple[np.ndarray, ...], voxel_mm3: float) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 3) in all structures, and the index into `DEEP_NAMES` of each (n,).

    A structure of less than `LEAST_VOLUME_MM3` has none.
    """
    pos, structure = [np.zeros((0, 3))], [np.zeros(0, int)]
    for index, own in enumerate(voxels_mm):
        if len(own) * voxel_mm3 >= LEAST_VOLUME_MM3:
            pos.append(thinned(own, voxel_mm3))
            structure.append(np.full(len(pos[-1]), index))
    return np.vstack(pos), np.concatenate(structure)


def from_aseg(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """`points_of` FreeSurfer's or FastSurfer's segmentation, scanner RAS, mm.

    Raises
    ------
    InvalidInput
        The file is corrupt, holds none of the structures, or has left and right exchanged.
    """
    try:
        image = nib.load(file)
        assert isinstance(image, SpatialImage)
        labels = np.asarray(image.dataobj)
    except MemoryError:
        raise
    except Exception as error:  # a corrupt header makes nibabel raise anything
        raise _unusable(file, "is corrupt") from error
    voxel_mm3 = float(abs(np.linalg.det(image.affine[:3, :3])))
    pos_mm, structure = points_of(labelled_voxels_mm(labels, image.affine, ASEG_LABELS), voxel_mm3)
    if not len(pos_mm):
        raise _unusable(file, "holds no deep structure")
    half = len(DEEP_NAMES) // 2
    for left in range(half):
        both = [pos_mm[structure == index, 0] for index in (left, left + half)]
        if len(both[0]) and len(both[1]) and both[0].mean() >= both[1].mean():
            raise _unusable(file, f"has the {DEEP_NAMES[left]} on the right")
    return pos_mm, structure


def from_atlas(warp: HeadWarp) -> tuple[np.ndarray, np.ndarray]:
    """`points_of` the average brain's structures, carried to the patient, scanner RAS, mm."""
    carried = tuple(warp.from_mni152(voxels) for voxels in deep_atlas_mni152_mm())
    # The warp's own change of volume near the structures is of no account for the cells.
    return points_of(carried, float(abs(np.linalg.det(warp.affine[:3, :3]))))


def find_points(
    freesurfer_dir: Path | None, warp: HeadWarp, how_warped: str
) -> tuple[np.ndarray, np.ndarray, str, list[str]]:
    """The points of this patient, from FreeSurfer's segmentation where there is one.

    Parameters
    ----------
    freesurfer_dir : Path or None
    warp : HeadWarp
        From MNI152.
    how_warped : str
        How points of MNI152 come to the T1w.

    Returns
    -------
    pos_mri_mm : ndarray, (n, 3)
    structure : ndarray of int, (n,)
    origin : str
        Where the structures' outlines come from.
    warnings : list of str
    """
    warnings = []
    if freesurfer_dir is not None:
        file = next((freesurfer_dir / f for f in ASEG_FILES if (freesurfer_dir / f).exists()), None)
        try:
            if file is not None:
                return *from_aseg(file), f"FreeSurfer's segmentation of the T1w ({file.name})", []
        except InvalidInput as error:
            warnings.append(f"an atlas gives the deep structures, because {error.message}")
    return *from_atlas(warp), f"an atlas of the average brain, carried by {how_warped}", warnings


def deep_sources(
    pos_mri_mm: np.ndarray, structure: np.ndarray, info: mne.Info, trans, bem
) -> DeepSources:
    """The points with their field, but for those outside the conductor."""
    field = free_leadfield(info, trans, bem, pos_mri_mm)
    inside = np.isfinite(field).all((0, 2))
    return DeepSources(pos_mri_mm[inside], structure[inside], field[:, inside])


def _unusable(file: Path, what: str) -> InvalidInput:
    return InvalidInput(
        f"the segmentation of deep structures {what}",
        file=file,
        hint="run recon-all again, or leave the file out: an atlas is then carried to the T1w",
    )
