"""Leadfields that the patient's could be: what the head model may have got wrong.

The true leadfield is unknown; the estimated one has errors of co-registration and of the cortex.
Fine-tuning on the estimate alone would teach the network to trust it. Both errors are
approximated from the region leadfield itself, in seconds, since a new forward model takes longer
than the training on it.
"""

import mne
import numpy as np

from pipeline.compensation import check_references
from pipeline.modality import modality_of
from pipeline.synthesis.population import (
    COREGISTRATION_ROTATION_DEG,
    COREGISTRATION_SHIFT_MM,
    CORTEX_ERROR_MM,
    smooth_displacement,
)

# Width of the interpolation between region centres, which are some 14 mm apart: narrow enough
# that a region's own leadfield is nearly all that is used at its own centre.
INTERPOLATION_MM = 6.0
# Between neighbouring regions the field turns with the folds faster than along the true cortex,
# so that this part of the displacement already changes the fields (median 18 %, 95th percentile
# 63 %) about as much as head-model errors do that are computed anew (23 % and 51 %).
DISPLACED_PART = 0.4
SPHERE_SOURCES = 250
MAPPING_REGULARISATION = 1e-5


def misplaced_cortex(region_pos_mm: np.ndarray, rng) -> np.ndarray:
    """Mixing matrix (994, 994): leadfield @ matrix is that of a smoothly displaced cortex.

    Gaussian interpolation between the leadfields of neighbouring regions, made exact where
    nothing moves.
    """
    moved = region_pos_mm
    for rms_mm, scale_mm in CORTEX_ERROR_MM:
        moved = moved + DISPLACED_PART * smooth_displacement(region_pos_mm, rng, rms_mm, scale_mm)
    return np.linalg.solve(_weights(region_pos_mm, region_pos_mm), _weights(region_pos_mm, moved))


def _weights(pos_mm: np.ndarray, at_mm: np.ndarray) -> np.ndarray:
    distance = np.linalg.norm(pos_mm[:, None] - at_mm[None], axis=2)
    return np.exp(-((distance / INTERPOLATION_MM) ** 2) / 2)


def sensor_motion_derivatives(info: mne.Info, region_pos_head_m: np.ndarray) -> np.ndarray:
    """How the field changes with the helmet's six motions: (6, n_channels, n_channels).

    Matrix k times a leadfield is its derivative by motion k: three shifts (per mm), three
    rotations about the head's centre (per degree). Each is a minimum-norm interpolation of the
    field in a spherical head whose sources are the regions (Hämäläinen & Ilmoniemi 1994).
    """
    centre_m = region_pos_head_m.mean(0)
    here = sphere_field(info, region_pos_head_m, centre_m)
    scale = np.linalg.norm(here, axis=1)
    normalised = here / scale[:, None]
    gram = normalised @ normalised.T
    gram += MAPPING_REGULARISATION * np.trace(gram) / len(gram) * np.eye(len(gram))
    derivatives = []
    for axis in np.eye(6):
        motion = np.eye(4)
        motion[:3, :3] = mne.transforms.rotation(*np.deg2rad(axis[3:]))[:3, :3]
        motion[:3, 3] = centre_m - motion[:3, :3] @ centre_m + axis[:3] / 1000
        moved = modality_of(info).moved(info, motion)
        change = (sphere_field(moved, region_pos_head_m, centre_m) - here) / scale[:, None]
        matrix = np.linalg.solve(gram, normalised @ change.T).T
        derivatives.append(scale[:, None] * matrix / scale)
    return np.array(derivatives)


def misplaced_sensors(derivatives: np.ndarray, rng) -> np.ndarray:
    """Matrix (n_channels, n_channels): matrix @ leadfield is that of a helmet moved a little.

    Against a boundary-element model computed anew: relative error 1 % in the median where the
    motion changes the field by 10 %.
    """
    shift_mm = rng.normal(0, COREGISTRATION_SHIFT_MM, 3)
    turn_deg = rng.normal(0, COREGISTRATION_ROTATION_DEG, 3)
    motion = np.concatenate([shift_mm, turn_deg])
    return np.eye(derivatives.shape[1]) + np.tensordot(motion, derivatives, 1)


def sphere_field(info: mne.Info, pos_head_m: np.ndarray, centre_m: np.ndarray) -> np.ndarray:
    """Field (n_channels, 3 * n) of dipoles of all directions in a spherical head."""
    chosen = pos_head_m[:: max(1, len(pos_head_m) // SPHERE_SOURCES)]
    src = mne.setup_volume_source_space(
        pos={"rr": chosen, "nn": np.tile([0.0, 0.0, 1.0], (len(chosen), 1))}, verbose="error"
    )
    check_references(info)
    info = info.copy()
    with info._unlock():
        info["projs"] = []
    modality = modality_of(info)
    forward = modality.forward(
        info, mne.transforms.Transform("head", "mri"), src, modality.sphere(centre_m)
    )
    return forward["sol"]["data"]


def possible_leadfields(
    leadfield: np.ndarray,
    region_pos_mri_mm: np.ndarray,
    motion_derivatives: np.ndarray,
    n: int,
    seed: int | list[int],
) -> list[np.ndarray]:
    """`n` leadfields (n_channels, 994) that differ from `leadfield` as an estimate from the truth."""
    rng = np.random.default_rng(seed)
    return [
        misplaced_sensors(motion_derivatives, rng)
        @ leadfield
        @ misplaced_cortex(region_pos_mri_mm, rng)
        for _ in range(n)
    ]
