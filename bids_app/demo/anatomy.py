"""The head of a virtual patient."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from mne.transforms import apply_trans

from bids_app.demo.cortex import TrueCortex, true_cortex
from bids_app.demo.deformation import Deformation, draw_deformation
from bids_app.demo.forward import Digitisation, digitise
from bids_app.demo.hippocampus import with_hippocampi
from bids_app.demo.phantom import Phantom
from bids_app.demo.recipe import PatientRecipe
from bids_app.demo.t1w import scan


@dataclass(frozen=True)
class Anatomy:
    """Head of the patient; positions in scanner RAS of the T1w, mm."""

    phantom: Phantom
    deformation: Deformation
    t1w: nib.Nifti1Image
    brain_mask: np.ndarray
    cortex: TrueCortex
    digitisation: Digitisation

    def from_mni152(self, points_mm: np.ndarray) -> np.ndarray:
        return self.deformation.to_patient(np.atleast_2d(points_mm))

    def head_m(self, mri_mm: np.ndarray) -> np.ndarray:
        """Points in head coordinates (m)."""
        mri_head_t = np.linalg.inv(self.digitisation.head_mri_t["trans"])
        return apply_trans(mri_head_t, mri_mm / 1000)

    def depth_below_skull_mm(self, mri_mm: np.ndarray) -> np.ndarray:
        """Depth of points (n, 3) below the inner skull (n,), negative outside it."""
        points = self.deformation.to_mni152(np.atleast_2d(mri_mm))
        return -self.phantom.sample(self.phantom.inner_skull_mm, points)


def build_anatomy(rng: np.random.Generator, phantom: Phantom, recipe: PatientRecipe) -> Anatomy:
    deformation = draw_deformation(rng, recipe.deformation_mm)
    t1w, brain_mask = scan(rng, phantom, deformation, recipe.voxel_mm)
    digitisation = digitise(rng, phantom, deformation)
    cortex = true_cortex(rng, phantom, deformation)
    if any(focus.place == "hippocampus" for focus in recipe.scenario.foci):
        cortex = with_hippocampi(rng, cortex, deformation)
    return Anatomy(phantom, deformation, t1w, brain_mask, cortex, digitisation)
