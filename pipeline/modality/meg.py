"""Magnetoencephalography: magnetometers, axial and planar gradiometers."""

from functools import partial

import mne
import numpy as np
from mne.io.constants import FIFF

from pipeline.modality._forward import compute_forward
from pipeline.modality._modality import Modality, SensorType

# Inside a homogeneous conductor the conductivity cancels out of the magnetic field; mne wants a value.
BRAIN_CONDUCTIVITY_S_PER_M = 0.3
# Coil of a channel -> the array that is built of it.
_ARRAYS = {
    FIFF.FIFFV_COIL_VV_PLANAR_T1: "Neuromag Vectorview or TRIUX",
    FIFF.FIFFV_COIL_VV_PLANAR_T2: "Neuromag Vectorview or TRIUX",
    FIFF.FIFFV_COIL_VV_PLANAR_T3: "Neuromag Vectorview or TRIUX",
    FIFF.FIFFV_COIL_CTF_GRAD: "CTF",
    FIFF.FIFFV_COIL_KIT_GRAD: "KIT",
    FIFF.FIFFV_COIL_MAGNES_MAG: "Magnes",
    FIFF.FIFFV_COIL_MAGNES_GRAD: "Magnes",
    FIFF.FIFFV_COIL_BABY_GRAD: "infant array",
}
_AXIAL_COILS = {
    FIFF.FIFFV_COIL_CTF_GRAD,
    FIFF.FIFFV_COIL_KIT_GRAD,
    FIFF.FIFFV_COIL_MAGNES_GRAD,
    FIFF.FIFFV_COIL_BABY_GRAD,
}


def sensor_picks(info: mne.Info) -> np.ndarray:
    return np.asarray(mne.pick_types(info, meg=True, ref_meg=False, exclude=()))


def reference_picks(info: mne.Info) -> np.ndarray:
    return np.asarray(mne.pick_types(info, meg=False, ref_meg=True, exclude=()))


def single_shell_bem(
    inner_skull_mri_mm: np.ndarray, faces: np.ndarray, scalp_mri_mm: np.ndarray | None = None
) -> mne.bem.ConductorModel:
    """Boundary-element model of the inner skull alone, which suffices for MEG (Hämäläinen & Sarvas 1989).

    Parameters
    ----------
    inner_skull_mri_mm : ndarray, (n_vertices, 3)
    faces : ndarray of int, (n_faces, 3)
        A closed mesh with outward-facing triangles.
    scalp_mri_mm : ndarray, (n, 3), or None
        Not used.
    """
    surface = {
        "rr": inner_skull_mri_mm / 1000,
        "tris": faces,
        "ntri": len(faces),
        "np": len(inner_skull_mri_mm),
        "id": FIFF.FIFFV_BEM_SURF_ID_BRAIN,
        "coord_frame": FIFF.FIFFV_COORD_MRI,
        "sigma": BRAIN_CONDUCTIVITY_S_PER_M,
    }
    mne.surface.complete_surface_info(surface, copy=False, verbose="error")
    return mne.make_bem_solution([surface], verbose="error")


def sphere(centre_m: np.ndarray) -> mne.bem.ConductorModel:
    """A conductor whose size does not matter to the magnetic field outside it."""
    return mne.make_sphere_model(centre_m, head_radius=None, verbose="error")


def moved(info: mne.Info, motion: np.ndarray) -> mne.Info:
    """The whole helmet."""
    info = info.copy()
    with info._unlock():
        info["dev_head_t"] = mne.transforms.Transform(
            "meg", "head", motion @ info["dev_head_t"]["trans"]
        )
    return info


def _coils(info: mne.Info) -> set[int]:
    return {int(channel["coil_type"]) for channel in info["chs"]}


def array(info: mne.Info) -> list[str]:
    return sorted({_ARRAYS[coil] for coil in _coils(info) if coil in _ARRAYS})


def labels(info: mne.Info) -> dict[str, str]:
    """mne's "mag" is not always a magnetometer."""
    if _coils(info) & _AXIAL_COILS:
        return {"mag": "Axial gradiometers", "grad": "Axial gradiometers"}
    return {name: kind.label for name, kind in MODALITY.types.items()}


MODALITY = Modality(
    label="MEG",
    datatype="meg",
    precedence=0,
    types={
        "mag": SensorType(
            label="Magnetometers",
            leadfield_unit="T/(A m)",
            leadfield_key="t_per_am",
            largest_ptp=2e-11,
            noise=2e-14,  # 3 fT/sqrt(Hz)
            shown_unit="fT",
            shown_scale=1e15,
        ),
        "grad": SensorType(
            label="Planar gradiometers",
            leadfield_unit="T/m/(A m) (planar gradiometer)",
            leadfield_key="t_per_m_am",
            largest_ptp=2e-9,
            noise=2e-12,  # 3 fT/cm/sqrt(Hz)
            shown_unit="fT/cm",
            shown_scale=1e13,
        ),
    },
    min_channels=30,
    # A sensor's noise is a hundred times more, and a room without any shielding ten times less.
    plausible_std=(1e-17, 1e-7),
    unit="T (or T/m)",
    unit_name="tesla",
    on_head=False,
    uses_scalp=False,
    calibrated=True,
    # Summed over some twenty dipoles: planar gradiometers of 1e2-1e5 fT/cm per nAm lie inside, and a
    # leadfield in fT, in nAm or per square metre outside.
    plausible_leadfield=(1e-10, 1e-2),
    sensor_picks=sensor_picks,
    reference_picks=reference_picks,
    conductor=single_shell_bem,
    sphere=sphere,
    forward=partial(compute_forward, meg=True, eeg=False),
    moved=moved,
    array=array,
    labels=labels,
)
