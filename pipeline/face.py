"""What of a head shows the person: face and ears, which leave no result by default.

The region is one for all that leaves: scalp mesh, digitised points, slices of the T1w. It lies in
front of and below a plane that is tangent to the brain, and beside two planes at the ears; so it
cannot hold brain, however the head is shaped.
"""

from dataclasses import dataclass

import nibabel as nib
import numpy as np

from pipeline.files import read_npz
from pipeline.paths import PatientPaths

# What became of the face, in the headmodel stage's quality file.
KEPT = "kept"
REMOVED = "removed from all results"
NOT_WHOLLY_REMOVED = "not wholly removed from the results"
# In MNI152: out of the face, between the directions of nose and chin.
TOWARD_FACE = np.array([0.0, 0.64, -0.7684])
# All of the brain is at least this far behind the planes.
MARGIN_MM = 5.0
NASION_MNI152_MM = np.array([1.0, 87.0, -35.0])
# The plane has to pass well behind the bridge of the nose, or it leaves the eyes.
MIN_BEHIND_NASION_MM = 10.0
# Front to back and up, MNI152: the middle of the outer ear, and what is around it.
EAR_MNI152_MM = np.array([-45.0, -42.0])
EAR_RADIUS_MM = 42.0


@dataclass(frozen=True)
class FaceRegion:
    """Face and ears of one head.

    Attributes
    ----------
    to_mni152 : ndarray, (4, 4)
        Scanner RAS of the T1w to MNI152, mm.
    front_mm, right_mm, left_mm : float
        How far out the three planes lie along `TOWARD_FACE` and to either side, MNI152.
    """

    to_mni152: np.ndarray
    front_mm: float
    right_mm: float
    left_mm: float

    def holds(self, pos_mri_mm: np.ndarray) -> np.ndarray:
        """Which positions (..., 3) lie in the region (...)."""
        pos_mm = pos_mri_mm @ self.to_mni152[:3, :3].T + self.to_mni152[:3, 3]
        aside = (pos_mm[..., 0] > self.right_mm) | (pos_mm[..., 0] < -self.left_mm)
        at_ear = np.linalg.norm(pos_mm[..., 1:] - EAR_MNI152_MM, axis=-1) < EAR_RADIUS_MM
        return (pos_mm @ TOWARD_FACE > self.front_mm) | (aside & at_ear)

    @property
    def reaches_eyes(self) -> bool:
        """Whether the region holds what a person is recognised by; not if the brain is ill-found."""
        return bool(NASION_MNI152_MM @ TOWARD_FACE - self.front_mm >= MIN_BEHIND_NASION_MM)

    def voxels(self, shape: tuple[int, int, int], affine: np.ndarray) -> np.ndarray:
        """Which voxels of a grid lie in the region: bool of `shape`."""
        found = np.empty(shape, bool)
        across = np.indices(shape[1:]).reshape(2, -1).T
        for i in range(shape[0]):
            index = np.column_stack([np.full(len(across), i), across])
            found[i] = self.holds(index @ affine[:3, :3].T + affine[:3, 3]).reshape(shape[1:])
        return found


def face_region(mni152_to_mri: np.ndarray, brain_mri_mm: np.ndarray) -> FaceRegion:
    """The region that shows the person.

    Parameters
    ----------
    mni152_to_mri : ndarray, (4, 4)
        How the template's head lies in this one, mm.
    brain_mri_mm : ndarray, (n, 3)
        All that must not be in the region.
    """
    to_mni152 = np.linalg.inv(mni152_to_mri)
    brain_mm = brain_mri_mm @ to_mni152[:3, :3].T + to_mni152[:3, 3]
    return FaceRegion(
        to_mni152,
        float((brain_mm @ TOWARD_FACE).max()) + MARGIN_MM,
        float(brain_mm[:, 0].max()) + MARGIN_MM,
        float(-brain_mm[:, 0].min()) + MARGIN_MM,
    )


def brain_positions_mm(brain_mask: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Centres (n, 3) of the voxels of a mask."""
    return np.argwhere(brain_mask) @ affine[:3, :3].T + affine[:3, 3]


def read_face_region(paths: PatientPaths) -> FaceRegion:
    """The region of a head whose model was written."""
    brain = nib.Nifti1Image.from_filename(paths.brain_mask)
    pial = [nib.GiftiImage.from_filename(paths.surface(hemi, "pial")) for hemi in "LR"]
    pial_mm = [surface.agg_data("pointset") for surface in pial]
    in_brain_mm = brain_positions_mm(np.asarray(brain.dataobj) > 0, brain.affine)
    return face_region(read_npz(paths.template_xfm)["affine"], np.vstack([in_brain_mm, *pial_mm]))
