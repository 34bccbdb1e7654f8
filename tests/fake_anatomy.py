"""A head of nilearn's brain within a plain scalp, small enough that a test can afford it."""

from dataclasses import dataclass
from pathlib import Path

import mne
import nibabel as nib
import numpy as np
from mne.transforms import Transform, get_ras_to_neuromag_trans
from nilearn import datasets
from scipy.ndimage import binary_closing, binary_dilation, gaussian_filter, map_coordinates

from pipeline.headmodel.t1w import Volume
from pipeline.warp import apply_affine

VOXEL_MM = 2.0
SHAPE = (120, 136, 120)
SKIN = 0.55
# Where the head lies: turned, moved and somewhat smaller than MNI152.
MNI152_TO_MRI = np.array(
    [
        [0.93, -0.05, 0.02, 4.0],
        [0.05, 0.94, -0.08, -12.0],
        [-0.02, 0.09, 0.95, 9.0],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
GRID = np.diag([-VOXEL_MM, VOXEL_MM, VOXEL_MM, 1.0])
GRID[:3, 3] = (
    VOXEL_MM * SHAPE[0] / 2,
    -VOXEL_MM * SHAPE[1] / 2 - 20,
    -VOXEL_MM * SHAPE[2] / 2 + 15,
)


@dataclass(frozen=True)
class SyntheticHead:
    """A volume in scanner RAS and what is known about it (mm)."""

    t1w: Volume
    brain_mask: np.ndarray
    landmarks_mri_mm: dict[str, np.ndarray]


def make_head() -> SyntheticHead:
    """Brain from nilearn's MNI152, dark skull, bright scalp, dark air, a little noise."""
    stored = datasets.load_mni152_template(resolution=2)
    index = np.indices(SHAPE).reshape(3, -1).T
    mni_mm = apply_affine(np.linalg.inv(MNI152_TO_MRI), apply_affine(GRID, index.astype(float)))
    voxel = apply_affine(np.linalg.inv(stored.affine), mni_mm)
    brain = map_coordinates(np.asarray(stored.dataobj, float), voxel.T, order=1).reshape(SHAPE)
    brain_mask = brain > 0.1
    skull = binary_dilation(binary_closing(brain_mask, iterations=6), iterations=3)
    scalp = binary_dilation(skull, iterations=5)
    signal = np.where(brain_mask, brain, np.where(skull, 0.06, np.where(scalp, SKIN, 0.0)))
    noise = np.random.default_rng(0).normal(0, 0.01, SHAPE)
    data = 800 * np.abs(gaussian_filter(signal, 0.4) + noise)
    landmarks = {
        "nasion": np.array([0.0, 84.0, -40.0]),
        "lpa": np.array([-82.0, -20.0, -45.0]),
        "rpa": np.array([82.0, -20.0, -45.0]),
    }
    moved = {name: apply_affine(MNI152_TO_MRI, pos[None])[0] for name, pos in landmarks.items()}
    return SyntheticHead(Volume(data.astype(np.float32), GRID), brain_mask, moved)


def save_volume(volume: Volume, path: Path) -> Path:
    nib.save(nib.Nifti1Image(volume.data.astype(np.int16), volume.affine), path)
    return path


def digitise(
    landmarks_mri_mm: dict, scalp_mri_mm: np.ndarray, n_points: int, noise_mm: float = 0.0
) -> tuple[dict, np.ndarray, Transform]:
    """Landmarks and head points in the head frame (m), and the true head-to-MRI transform."""
    rng = np.random.default_rng(1)
    mri_head = get_ras_to_neuromag_trans(
        *(landmarks_mri_mm[name] / 1000 for name in ("nasion", "lpa", "rpa"))
    )
    head_m = apply_affine(mri_head, scalp_mri_mm / 1000)
    upper = np.flatnonzero(head_m[:, 2] > 0)
    points = head_m[rng.choice(upper, n_points, replace=False)]
    points = points + rng.normal(0, noise_mm / 1000 / np.sqrt(3), points.shape)
    landmarks = {
        name: apply_affine(mri_head, pos[None] / 1000)[0] for name, pos in landmarks_mri_mm.items()
    }
    return landmarks, points, Transform("head", "mri", np.linalg.inv(mri_head))


def write_recording(path: Path, landmarks_head_m: dict, head_points_head_m: np.ndarray) -> Path:
    """Every eighth sensor of a neuromag array above the head, 12 s of nothing."""
    info = mne.channels.montage.read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, np.arange(0, len(info["ch_names"]), 8))
    montage = mne.channels.make_dig_montage(
        **landmarks_head_m, hsp=head_points_head_m, coord_frame="head"
    )
    placed = np.eye(4)
    placed[:3, 3] = (0.0, 0.0, 0.045)
    with info._unlock():
        info["sfreq"], info["lowpass"], info["dig"] = 200.0, 100.0, montage.dig
        info["dev_head_t"] = Transform("meg", "head", placed)
    raw = mne.io.RawArray(np.zeros((len(info["chs"]), 2400)), info, verbose="error")
    raw.save(path, overwrite=True, verbose="error")
    return path
