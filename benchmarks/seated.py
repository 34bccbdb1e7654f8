"""A virtual head under a helmet: what every benchmark draws first, whatever it puts into the head."""

from dataclasses import dataclass

import mne
import numpy as np
from mne.channels.montage import read_meg_canonical_info
from mne.transforms import Transform, apply_trans

from bids_app.demo.deformation import Deformation, draw_deformation
from bids_app.demo.forward import digitise, place_helmet
from bids_app.demo.phantom import Phantom, load_phantom

DEFORMATION_MM = 5.0


@dataclass(frozen=True, eq=False)
class Seated:
    """A head and the sensors around it.

    Attributes
    ----------
    info : mne.Info
        MEG channels without references, with the head's place under them.
    phantom : Phantom
    deformation : Deformation
        From the phantom to this head.
    head_mri_t : mne.transforms.Transform
        As digitised.
    scalp_mm : ndarray, (n, 3)
        In MRI.
    """

    info: mne.Info
    phantom: Phantom
    deformation: Deformation
    head_mri_t: Transform
    scalp_mm: np.ndarray


def seated(rng: np.random.Generator, array: str) -> Seated:
    """A random head under an array, by mne's name of it."""
    info = read_meg_canonical_info(array, verbose="error")
    info = mne.pick_info(info, mne.pick_types(info, meg=True, ref_meg=False))
    phantom, deformation = load_phantom(), draw_deformation(rng, DEFORMATION_MM)
    head_mri_t = digitise(rng, phantom, deformation).head_mri_t
    scalp_mm = deformation.to_patient(phantom.head_vertices_mm)
    scalp_m = apply_trans(np.linalg.inv(head_mri_t["trans"]), scalp_mm / 1000)
    with info._unlock():
        info["dev_head_t"] = place_helmet(rng, info, scalp_m)
    return Seated(info, phantom, deformation, head_mri_t, scalp_mm)
