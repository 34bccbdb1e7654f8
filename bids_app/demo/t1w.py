"""A T1-weighted image of the patient's head, as a scanner would make it."""

import nibabel as nib
import numpy as np
from mne.transforms import apply_trans, rotation
from scipy.ndimage import gaussian_filter, map_coordinates

from bids_app.demo.deformation import Deformation
from bids_app.demo.phantom import BRAIN_EDGE, GRID_SHAPE, Phantom

FIELD_OF_VIEW_MM = (256.0, 256.0, 192.0)
LATTICE_STEP_MM = 4.0
# Relative T1-weighted signal; the brain's own lies between 0.3 (CSF) and 0.9 (white matter).
CSF, BONE, MARROW, MUSCLE, FAT, SKIN, VITREOUS = 0.2, 0.06, 0.5, 0.42, 0.92, 0.55, 0.18
EYES_MNI152_MM = ((-33.0, 62.0, -38.0), (33.0, 62.0, -38.0))
EYE_RADIUS_MM = 12.0
# Air-filled spaces of the face in MNI152: centre and half-axes, mm.
AIRWAYS_MM = (
    ((-8.0, 62.0, -62.0), (4.0, 24.0, 13.0)),
    ((8.0, 62.0, -62.0), (4.0, 24.0, 13.0)),
    ((-28.0, 52.0, -62.0), (9.0, 11.0, 11.0)),
    ((28.0, 52.0, -62.0), (9.0, 11.0, 11.0)),
    ((0.0, 18.0, -80.0), (9.0, 6.0, 32.0)),
    ((0.0, 50.0, -95.0), (14.0, 22.0, 3.0)),
)
SCANNER_UNITS = 900.0
NOISE = 0.02
BIAS = 0.12


def scan(
    rng: np.random.Generator, phantom: Phantom, deformation: Deformation, voxel_mm: float
) -> tuple[nib.Nifti1Image, np.ndarray]:
    """Image the patient in sagittal slices, slightly oblique, with bias field, blur and noise.

    Returns
    -------
    t1w : Nifti1Image
        int16, voxel axes posterior, superior, right; affine to scanner RAS.
    brain_mask : ndarray of bool
        The true brain on the same grid.
    """
    shape = tuple(round(extent / voxel_mm) for extent in FIELD_OF_VIEW_MM)
    affine = _scanner_grid(rng, phantom, deformation, shape, voxel_mm)
    signal, brain_mask = _signal(rng, phantom, deformation, shape, affine)
    signal = gaussian_filter(signal, 0.45 / voxel_mm)
    signal *= _bias_field(rng, shape)
    noisy = np.hypot(
        signal + rng.standard_normal(shape, np.float32) * NOISE,
        rng.standard_normal(shape, np.float32) * NOISE,
    )
    image = nib.Nifti1Image(np.rint(noisy * SCANNER_UNITS).astype(np.int16), affine)
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    image.header.set_xyzt_units("mm", "sec")
    return image, brain_mask


def _scanner_grid(rng, phantom, deformation, shape, voxel_mm):
    """Place the field of view 12 mm above the vertex of the head, centred sideways."""
    head_mm = deformation.to_patient(phantom.head_vertices_mm)
    upper = head_mm[head_mm[:, 2] > np.median(head_mm[:, 2])]
    centre = (upper.max(0) + upper.min(0)) / 2
    centre[1] += 8.0  # room for the nose
    centre[2] = head_mm[:, 2].max() + 12.0 - FIELD_OF_VIEW_MM[1] / 2
    oblique = rotation(*np.deg2rad(rng.normal(0, 1.5, 3)))[:3, :3]
    axes = oblique @ np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    affine = np.eye(4)
    affine[:3, :3] = axes * voxel_mm
    affine[:3, 3] = centre - affine[:3, :3] @ (np.array(shape) - 1) * 0.5
    return affine.astype(np.float32).astype(float)  # what the NIfTI header can hold


def _signal(rng, phantom, deformation, shape, affine):
    """Noise-free signal and brain mask, slab by slab to bound the memory."""
    lattice, lattice_step = _inverse_lattice(deformation, shape, affine)
    texture = _texture(rng)
    signal = np.empty(shape, np.float32)
    brain_mask = np.empty(shape, bool)
    slab = 32
    for start in range(0, shape[0], slab):
        stop = min(start + slab, shape[0])
        index = np.mgrid[start:stop, : shape[1], : shape[2]].astype(np.float32)
        index = index / np.array(lattice_step, np.float32)[:, None, None, None]
        points = np.stack(
            [map_coordinates(axis, index, order=1, mode="nearest") for axis in lattice], axis=-1
        )
        signal[start:stop], brain_mask[start:stop] = _tissue_signal(phantom, texture, points)
    return signal, brain_mask


def _inverse_lattice(deformation, shape, affine):
    """MNI152 position of every few voxels: (3, ...) and the number of voxels between them."""
    voxel_mm = np.linalg.norm(affine[:3, :3], axis=0)
    step = [LATTICE_STEP_MM / size for size in voxel_mm]
    axes = [np.arange(int(np.ceil((n - 1) / s)) + 1) * s for n, s in zip(shape, step, strict=True)]
    voxels = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    points = deformation.to_mni152(apply_trans(affine, voxels.reshape(-1, 3)))
    lattice = np.moveaxis(points.reshape(voxels.shape), -1, 0).astype(np.float32)
    return lattice, step


def _texture(rng):
    """Smooth noise on the phantom's grid that mixes muscle and fat."""
    coarse = gaussian_filter(rng.standard_normal(GRID_SHAPE).astype(np.float32), (1.5, 1.5, 3.0))
    return coarse / coarse.std()


def _tissue_signal(phantom, texture, points):
    head = phantom.sample(phantom.head_mm, points)
    inner = phantom.sample(phantom.inner_skull_mm, points)
    outer = phantom.sample(phantom.outer_skull_mm, points)
    brain = phantom.sample_brain(points)
    grain = phantom.sample(texture, points)
    height = points[..., 2]

    # Outside the skull: fat beneath the skin, more muscle toward face, temples and neck.
    muscular = _ramp(grain * 5.0 + (-25.0 - height) * 0.35 + (-head - 9.0) * 1.2, 6.0)
    signal = FAT + (MUSCLE - FAT) * muscular
    signal += 0.04 * grain
    signal = _blend(signal, SKIN, _ramp(head + 1.5, 1.0))
    for eye in EYES_MNI152_MM:
        distance = np.linalg.norm(points - np.array(eye, np.float32), axis=-1)
        signal = _blend(signal, VITREOUS, _ramp(EYE_RADIUS_MM - distance, 1.0))
    for centre, half_axes in AIRWAYS_MM:
        level = np.linalg.norm((points - np.array(centre)) / np.array(half_axes), axis=-1)
        signal = _blend(signal, 0.02, _ramp((1.0 - level) * min(half_axes), 1.0))
    # Skull: compact bone around marrow where it is thick enough.
    signal = _blend(signal, BONE, _ramp(-outer, 1.0))
    depth = np.minimum(-outer, inner)
    signal = _blend(signal, MARROW, _ramp(depth - 2.2, 1.0))
    signal = _blend(signal, CSF, _ramp(-inner, 1.0))
    signal = np.where(brain > 0.02, np.maximum(brain, CSF), signal)
    return signal * _ramp(-head, 1.0), brain > BRAIN_EDGE


def _bias_field(rng, shape):
    """Receive field of a head coil: brighter near the surface, a smooth gain elsewhere."""
    axes = np.meshgrid(
        *(np.linspace(-1, 1, n, dtype=np.float32) for n in shape), indexing="ij", sparse=True
    )
    log_gain = sum(rng.normal(0, BIAS) * axis for axis in axes)
    log_gain = log_gain + sum(abs(rng.normal(0, BIAS)) * axis**2 for axis in axes)
    return np.exp(log_gain)


def _ramp(level, width):
    """0 below -width / 2, 1 above width / 2: the partial volume at a boundary."""
    return np.clip(0.5 + level / width, 0, 1)


def _blend(signal, tissue, fraction):
    return signal + (tissue - signal) * fraction
