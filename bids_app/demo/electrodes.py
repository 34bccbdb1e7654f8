"""Electrodes on the scalp of a virtual patient: where a technician puts them, and where a digitiser says."""

import mne
import numpy as np
from mne.transforms import Transform, apply_trans

from bids_app.demo.deformation import Deformation
from bids_app.demo.phantom import Phantom

# The 64 places of the 10-10 system that caps have; their directions alone are a template's.
_NAMES = "biosemi64"
_SYSTEM = "colin27_1005"
# From where the template's directions are seen, near the middle of its head.
_CENTRE_MNI152_MM = np.array([0.0, -20.0, 5.0])
# By hand, beside the system's places.
PLACING_MM = 3.0
DIGITISER_MM = 1.5


def cap_names() -> list[str]:
    return list(mne.channels.make_standard_montage(_NAMES).ch_names)


def place_cap(rng: np.random.Generator, phantom: Phantom, deformation: Deformation) -> np.ndarray:
    """True places (64, 3) of the electrodes on the patient's scalp, MRI, mm."""
    system = mne.channels.make_standard_montage(_SYSTEM).get_positions()["ch_pos"]
    places_mm = 1000 * np.array([system[name] for name in cap_names()])
    places_mm = places_mm + rng.normal(0, PLACING_MM, places_mm.shape)
    direction = _directions(places_mm)
    scalp_mm = phantom.head_vertices_mm
    cosine = direction @ _directions(scalp_mm).T
    return deformation.to_patient(scalp_mm[cosine.argmax(1)])


def _directions(pos_mm: np.ndarray) -> np.ndarray:
    away = pos_mm - _CENTRE_MNI152_MM
    return away / np.linalg.norm(away, axis=1, keepdims=True)


def digitised(rng: np.random.Generator, info: mne.Info) -> mne.Info:
    """The electrodes as the digitiser saw them."""
    seen = info.copy()
    for channel in seen["chs"]:
        channel["loc"][:3] += rng.normal(0, DIGITISER_MM / 1000 / np.sqrt(3), 3)
    return seen


def montage_of(info: mne.Info, landmarks: mne.channels.DigMontage) -> mne.channels.DigMontage:
    """What a digitiser of electrodes writes: their places and the landmarks, in the head frame."""
    points = landmarks.get_positions()
    return mne.channels.make_dig_montage(
        {channel["ch_name"]: channel["loc"][:3] for channel in info["chs"]},
        nasion=points["nasion"],
        lpa=points["lpa"],
        rpa=points["rpa"],
        coord_frame="head",
    )


def cap_info(
    places_mri_mm: np.ndarray, head_mri_t: Transform, names: list[str], sfreq_hz: float
) -> mne.Info:
    """Info of electrodes at these places (n, 3)."""
    info = mne.create_info(names, sfreq_hz, "eeg", verbose="error")
    head_m = apply_trans(np.linalg.inv(head_mri_t["trans"]), places_mri_mm / 1000)
    for channel, place in zip(info["chs"], head_m, strict=True):
        channel["loc"][:] = 0
        channel["loc"][:3] = place
    return info
