"""The resection mask: is it this head's, which regions does it hold, how far is its edge."""

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from pipeline.compare.coordinates import outside_head_mm
from pipeline.errors import InvalidInput
from pipeline.headmodel.t1w import MAX_VOXELS

SCALP_TOLERANCE_MM = 5.0
BRAIN_TOLERANCE_MM = 5.0
MIN_SHARE_IN_HEAD = 0.95
MIN_SHARE_IN_BRAIN = 0.5
REGION_SHARE = 0.5


@dataclass(frozen=True)
class Resection:
    """A binary mask in scanner RAS of the T1w.

    Attributes
    ----------
    inside : ndarray of bool, (i, j, k)
    affine : ndarray, (4, 4)
        Voxel to scanner RAS, mm.
    """

    inside: np.ndarray
    affine: np.ndarray

    @property
    def volume_cm3(self) -> float:
        return float(self.inside.sum() * abs(np.linalg.det(self.affine[:3, :3])) / 1000)

    @property
    def voxels_mri_mm(self) -> np.ndarray:
        return nib.affines.apply_affine(self.affine, np.argwhere(self.inside))

    def holds(self, pos_mri_mm: np.ndarray) -> np.ndarray:
        """Whether each point (n, 3) lies in a voxel of the mask."""
        voxel = np.rint(nib.affines.apply_affine(np.linalg.inv(self.affine), pos_mri_mm))
        in_grid = ((voxel >= 0) & (voxel < self.inside.shape)).all(1)
        held = np.zeros(len(pos_mri_mm), bool)
        held[in_grid] = self.inside[tuple(voxel[in_grid].astype(int).T)]
        return held

    @cached_property
    def _edge_tree(self) -> cKDTree:
        edge = self.inside & ~ndimage.binary_erosion(self.inside)
        return cKDTree(nib.affines.apply_affine(self.affine, np.argwhere(edge)))

    def edge_distance_mm(self, pos_mri_mm: np.ndarray) -> np.ndarray:
        """Distance of each point (n, 3), inside or outside, to the nearest outermost voxel's centre."""
        return self._edge_tree.query(pos_mri_mm)[0]

    def distance_mm(self, pos_mri_mm: np.ndarray) -> np.ndarray:
        """Distance of each point (n, 3) to the mask, 0 inside."""
        return np.where(self.holds(pos_mri_mm), 0.0, self.edge_distance_mm(pos_mri_mm))


def read_resection(path: Path) -> Resection:
    """Read the mask; anything above a half counts as resected."""
    image = open_resection(path)
    try:
        data = np.asarray(image.dataobj)
    except Exception as error:
        raise _unreadable(path) from error
    data = data[..., 0] if data.ndim == 4 and data.shape[3] == 1 else data
    if data.ndim != 3:
        raise InvalidInput(
            f"the resection mask has {data.ndim} dimensions",
            file=path,
            hint="give a three-dimensional mask in the T1w's space",
        )
    return Resection(np.nan_to_num(data) > 0.5, image.affine)


def open_resection(path: Path):
    """Open the mask without reading its voxels; refuse a header that claims more than a head has."""
    try:
        image = nib.load(path)
        n_voxels = math.prod(image.shape)
    except Exception as error:
        raise _unreadable(path) from error
    if n_voxels > MAX_VOXELS:
        raise InvalidInput(
            f"the resection mask has an absurd size of {' x '.join(map(str, image.shape))} voxels",
            file=path,
            hint="give a mask on the T1w's grid",
        )
    return image


def _unreadable(path: Path) -> InvalidInput:
    return InvalidInput(
        "the resection mask cannot be read as NIfTI", file=path, hint="replace the file"
    )


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
    in_head = float((outside_head_mm(voxels_mm, scalp_mri_mm) <= SCALP_TOLERANCE_MM).mean())
    in_brain = float((brain.distance_mm(voxels_mm) <= BRAIN_TOLERANCE_MM).mean())
    if in_head < MIN_SHARE_IN_HEAD or in_brain < MIN_SHARE_IN_BRAIN:
        raise InvalidInput(
            f"only {in_head:.0%} of the resection mask lie in this head and {in_brain:.0%} in its "
            "brain: the mask seems to have another subject's geometry",
            file=path,
            hint="give the mask of this participant in the space of the pre-operative T1w",
        )
    return {"share_in_head": in_head, "share_in_brain": in_brain}


def same_grid(image: nib.Nifti1Image, other: nib.Nifti1Image) -> bool:
    return image.shape[:3] == other.shape[:3] and np.allclose(image.affine, other.affine, atol=1e-3)


def resected_regions(
    resection: Resection, vertices_mri_mm: np.ndarray, vertex_region: np.ndarray
) -> np.ndarray:
    """Regions (n_regions,) bool of which more than half of the vertices lie in the mask."""
    cortex = vertex_region >= 0
    held = resection.holds(vertices_mri_mm[cortex])
    region = vertex_region[cortex]
    return np.bincount(region, held) / np.bincount(region) > REGION_SHARE
