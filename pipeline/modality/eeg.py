"""Electroencephalography: electrodes on the scalp whose places are known, referred to their average."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import mne
import numpy as np
from mne.io.constants import FIFF

from pipeline.modality._forward import compute_forward
from pipeline.modality._modality import Modality, SensorType
from pipeline.shells import three_shells

# Brain, skull and scalp, as mne's three-layer models have them.
CONDUCTIVITY_S_PER_M = (0.3, 0.006, 0.3)
_SURFACES = (
    FIFF.FIFFV_BEM_SURF_ID_BRAIN,
    FIFF.FIFFV_BEM_SURF_ID_SKULL,
    FIFF.FIFFV_BEM_SURF_ID_HEAD,
)
# So wide that no region of any head lies outside its innermost layer.
_SPHERE_RADIUS_M = 0.15


def all_picks(info: mne.Info) -> np.ndarray:
    """Indices of all EEG channels, also of those without a place."""
    return np.asarray(mne.pick_types(info, meg=False, eeg=True, exclude=()), int)


def sensor_picks(info: mne.Info) -> np.ndarray:
    """Of an electrode whose place is not known no field can be computed: it is none of these."""
    return np.array([pick for pick in all_picks(info) if _is_placed(info["chs"][pick])], int)


def unplaced_names(info: mne.Info) -> list[str]:
    """Names of the EEG channels without a place."""
    return [info["ch_names"][pick] for pick in all_picks(info) if not _is_placed(info["chs"][pick])]


def _is_placed(channel: Mapping[str, Any]) -> bool:
    place = channel["loc"][:3]
    return bool(np.isfinite(place).all() and place.any())


def reference_picks(info: mne.Info) -> np.ndarray:
    """An electrode that the others are referred to needs none: the average takes it out."""
    return np.empty(0, int)


def three_shell_bem(
    inner_skull_mri_mm: np.ndarray, faces: np.ndarray, scalp_mri_mm: np.ndarray | None
) -> mne.bem.ConductorModel:
    """Boundary-element model of brain, skull and scalp, by the isolated-skull approach.

    Parameters
    ----------
    inner_skull_mri_mm : ndarray, (n_vertices, 3)
    faces : ndarray of int, (n_faces, 3)
        A closed mesh with outward-facing triangles.
    scalp_mri_mm : ndarray, (n, 3)
        Vertices of the scalp; the outer skull is put between (`pipeline.shells`).
    """
    if scalp_mri_mm is None:
        raise ValueError("the potential on a scalp needs the scalp")
    surfaces = []
    shells = three_shells(inner_skull_mri_mm, faces, scalp_mri_mm)
    for (pos_mm, triangles), surface_id, sigma in zip(
        shells, _SURFACES, CONDUCTIVITY_S_PER_M, strict=True
    ):
        surface = {
            "rr": pos_mm / 1000,
            "tris": triangles,
            "ntri": len(triangles),
            "np": len(pos_mm),
            "id": surface_id,
            "coord_frame": FIFF.FIFFV_COORD_MRI,
            "sigma": sigma,
        }
        surfaces.append(mne.surface.complete_surface_info(surface, copy=False, verbose="error"))
    # mne wants the outermost first.
    return mne.make_bem_solution(surfaces[::-1], verbose="error")


def sphere(centre_m: np.ndarray) -> mne.bem.ConductorModel:
    """Three concentric shells around any head, for the structure of a forward solution alone."""
    return mne.make_sphere_model(
        centre_m,
        head_radius=_SPHERE_RADIUS_M,
        relative_radii=(0.9, 0.95, 1.0),
        sigmas=CONDUCTIVITY_S_PER_M,
        verbose="error",
    )


def moved(info: mne.Info, motion: np.ndarray) -> mne.Info:
    """All electrodes together, as an error of the co-registration moves them."""
    info = info.copy()
    for pick in all_picks(info):
        place = info["chs"][pick]["loc"]
        place[:3] = mne.transforms.apply_trans(motion, place[:3])
    return info


def array(info: mne.Info) -> list[str]:
    """Electrodes of all makers are alike: their number is what tells them."""
    return [f"{len(sensor_picks(info))} electrodes"]


def labels(info: mne.Info) -> dict[str, str]:
    return {name: kind.label for name, kind in MODALITY.types.items()}


MODALITY = Modality(
    label="EEG",
    datatype="eeg",
    precedence=1,
    types={
        "eeg": SensorType(
            label="Electrodes",
            leadfield_unit="V/(A m)",
            leadfield_key="v_per_am",
            largest_ptp=1e-3,
            noise=1e-6,  # of electrode and amplifier
            shown_unit="µV",
            shown_scale=1e6,
            against_average=True,
        )
    },
    # As the international 10-20 system has; with fewer no topography is told from another.
    min_channels=19,
    plausible_std=(1e-8, 1e-1),
    unit="V",
    unit_name="volts",
    on_head=True,
    uses_scalp=True,
    calibrated=False,
    # One dipole gives 1e1-1e3 V/(A m) to the nearest electrode, some twenty together a little more.
    plausible_leadfield=(20.0, 1e6),
    sensor_picks=sensor_picks,
    reference_picks=reference_picks,
    conductor=three_shell_bem,
    sphere=sphere,
    forward=partial(compute_forward, meg=False, eeg=True),
    moved=moved,
    array=array,
    labels=labels,
    network_mm=3.97,
    sloreta_mm=26.7,
)
