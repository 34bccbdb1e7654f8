"""What the clinicians did: depth and grid electrodes, seizure-onset zone, resection."""

from dataclasses import dataclass

import mne
import nibabel as nib
import numpy as np
from mne.transforms import apply_trans
from scipy.spatial import cKDTree

from bids_app.demo import activity
from bids_app.demo.anatomy import Anatomy
from bids_app.demo.cortex import Patch
from pipeline.template.cortex import N_VERTICES, N_VERTICES_HEMI

N_DEPTH_NEAR, N_DEPTH_ELSEWHERE = 4, 4
CONTACTS_PER_DEPTH, DEPTH_SPACING_MM = 10, 5.0
GRID_ROWS, GRID_COLUMNS, GRID_SPACING_MM = 4, 5, 10.0
# Contacts are found on a CT that is fused with the T1w.
LOCALISATION_ERROR_MM = 0.8
SOZ_REACH_MM, SOZ_AT_LEAST = 8.0, 3
RESECTION_MARGIN_MM, RESECTION_CORE_MM = 9.0, 18.0
MISSED_DISTANCE_MM = (32.0, 45.0)
UNSAMPLED_DISTANCE_MM = 40.0
IEEG_SFREQ, IEEG_LENGTH_S = 512.0, 20.0


@dataclass(frozen=True)
class Implantation:
    """Contacts in scanner RAS of the T1w.

    Attributes
    ----------
    names, groups, kinds : list of str
        Kind is "seeg" or "ecog".
    true_mm, measured_mm : ndarray, (n, 3)
    soz : ndarray of bool, (n,)
    """

    names: list[str]
    groups: list[str]
    kinds: list[str]
    true_mm: np.ndarray
    measured_mm: np.ndarray
    soz: np.ndarray


def implant(
    rng: np.random.Generator, anatomy: Anatomy, patch: Patch, sampled: bool
) -> Implantation:
    """Implant depth electrodes around a target and elsewhere on its side, and a lateral grid.

    The target is the patch or, unless it is to be sampled, a place that misses it.
    """
    cortex = anatomy.cortex.pos_mri_mm
    is_right = anatomy.cortex.template_vertex[patch.centre] >= N_VERTICES_HEMI
    outward = anatomy.deformation.affine[:3, 0] * (1 if is_right else -1)
    outward = outward / np.linalg.norm(outward)
    side = slice(N_VERTICES_HEMI, N_VERTICES) if is_right else slice(0, N_VERTICES_HEMI)
    reachable, target_mm = cortex[side], cortex[patch.centre]
    if not sampled:
        away_mm = cKDTree(cortex[patch.vertices]).query(reachable)[0]
        reachable = reachable[away_mm > UNSAMPLED_DISTANCE_MM]
        target_mm = reachable[rng.integers(len(reachable))]
    near = target_mm + rng.normal(0, 9, (N_DEPTH_NEAR, 3))
    near[0] = target_mm
    near = reachable[cKDTree(reachable).query(near)[1]]
    elsewhere = rng.choice(reachable, N_DEPTH_ELSEWHERE, replace=False)
    names, groups, kinds, points = [], [], [], []
    letter = "R" if is_right else "L"
    for number, target in enumerate(np.vstack([near, elsewhere])):
        shaft = _depth_electrode(rng, anatomy, target, outward)
        group = f"{letter}{'ABCDEFHJ'[number]}"
        names += [f"{group}{contact + 1}" for contact in range(len(shaft))]
        groups += [group] * len(shaft)
        kinds += ["seeg"] * len(shaft)
        points.append(shaft)
    grid = _grid(anatomy, target_mm, outward)
    group = f"{letter}G"
    names += [f"{group}{contact + 1}" for contact in range(len(grid))]
    groups += [group] * len(grid)
    kinds += ["ecog"] * len(grid)
    points.append(grid)
    true_mm = np.vstack(points)
    distance = cKDTree(cortex[patch.vertices]).query(true_mm)[0]
    reach = max(SOZ_REACH_MM, np.sort(distance)[SOZ_AT_LEAST - 1])
    measured_mm = true_mm + rng.normal(0, LOCALISATION_ERROR_MM, true_mm.shape)
    return Implantation(names, groups, kinds, true_mm, measured_mm, distance <= reach)


def _depth_electrode(rng, anatomy, target_mm, outward):
    """Contacts (n, 3) on a straight way through the target, from tip to skull."""
    direction = outward + rng.normal(0, 0.2, 3)
    direction /= np.linalg.norm(direction)
    places = np.arange(-CONTACTS_PER_DEPTH, 2 * CONTACTS_PER_DEPTH)
    line = target_mm + direction * (places * DEPTH_SPACING_MM)[:, None]
    depth = anatomy.depth_below_skull_mm(line)
    midline_mm = anatomy.from_mni152(np.zeros(3))[0]
    usable = (depth > 1.0) & ((line - midline_mm) @ outward > 4.0) | (places == 0)
    outermost = places[usable].max()
    # As deep as the number of contacts reaches, and one beyond the target where that is deeper.
    tip = min(outermost - CONTACTS_PER_DEPTH + 1, -1)
    return line[usable & (places >= tip) & (places < tip + CONTACTS_PER_DEPTH)]


def _grid(anatomy, centre_mm, outward):
    """Contacts (20, 3) under the dura, over the point where the patch is nearest to the side."""
    forward = np.cross([0.0, 0.0, 1.0], outward)
    forward /= np.linalg.norm(forward)
    upward = np.cross(outward, forward)
    rows = (np.arange(GRID_ROWS) - (GRID_ROWS - 1) / 2) * GRID_SPACING_MM
    columns = (np.arange(GRID_COLUMNS) - (GRID_COLUMNS - 1) / 2) * GRID_SPACING_MM
    row, column = np.meshgrid(rows, columns, indexing="ij")
    flat = centre_mm + row.reshape(-1, 1) * upward + column.reshape(-1, 1) * forward
    travel = np.arange(0.0, 120.0, 0.5)
    ray = flat[:, None, :] + travel[:, None] * outward
    depth = anatomy.depth_below_skull_mm(ray.reshape(-1, 3)).reshape(ray.shape[:2])
    last_inside = ray.shape[1] - 1 - np.argmax(depth[:, ::-1] > 2.0, axis=1)
    reached = (depth > 2.0).any(1)
    return ray[np.arange(len(flat)), last_inside][reached]


def resect(
    rng: np.random.Generator, anatomy: Anatomy, patch: Patch, seizure_free: bool
) -> nib.Nifti1Image:
    """Mask of the removed brain on the T1w's grid: with the patch in it, or beside the patch."""
    cortex = anatomy.cortex.pos_mri_mm
    centre_mm = cortex[patch.centre]
    if seizure_free:
        cavity = [
            (cortex[patch.vertices], RESECTION_MARGIN_MM),
            (centre_mm[None], RESECTION_CORE_MM),
        ]
    else:
        is_right = anatomy.cortex.template_vertex[patch.centre] >= N_VERTICES_HEMI
        side = slice(N_VERTICES_HEMI, N_VERTICES) if is_right else slice(0, N_VERTICES_HEMI)
        away = np.linalg.norm(cortex[side] - centre_mm, axis=1)
        nearby = cortex[side][(away > MISSED_DISTANCE_MM[0]) & (away < MISSED_DISTANCE_MM[1])]
        cavity = [(nearby[rng.integers(len(nearby))][None], RESECTION_CORE_MM)]
    brain = np.argwhere(anatomy.brain_mask)
    brain_mm = apply_trans(anatomy.t1w.affine, brain)
    removed = np.zeros(len(brain), bool)
    for points_mm, radius_mm in cavity:
        removed |= cKDTree(points_mm).query(brain_mm, distance_upper_bound=radius_mm)[0] < radius_mm
    mask = np.zeros(anatomy.brain_mask.shape, np.uint8)
    mask[tuple(brain[removed].T)] = 1
    image = nib.Nifti1Image(mask, anatomy.t1w.affine)
    image.set_sform(anatomy.t1w.affine, code=1)
    image.set_qform(anatomy.t1w.affine, code=1)
    image.header.set_xyzt_units("mm", "sec")
    return image


def in_mask(mask: nib.Nifti1Image, points_mm: np.ndarray) -> np.ndarray:
    """Which points (n, 3) lie in a voxel of the mask."""
    index = np.rint(apply_trans(np.linalg.inv(mask.affine), points_mm)).astype(int)
    valid = ((index >= 0) & (index < mask.shape)).all(1)
    inside = np.zeros(len(points_mm), bool)
    inside[valid] = np.asarray(mask.dataobj)[tuple(index[valid].T)] > 0
    return inside


def record_ieeg(rng: np.random.Generator, implantation: Implantation) -> mne.io.RawArray:
    """A short interictal stretch: 1/f activity, and spikes on the contacts near the patch."""
    n_times = int(IEEG_SFREQ * IEEG_LENGTH_S)
    n_contacts = len(implantation.names)
    data = 35e-6 * activity.coloured_noise(
        rng, n_contacts, n_times, IEEG_SFREQ, activity.one_over_f
    )
    peaks_s = activity.spike_times_s(rng, 6, IEEG_LENGTH_S)
    train, _ = activity.spike_train(rng, peaks_s, np.zeros(1), n_times, IEEG_SFREQ)
    data = data.astype(float)
    data[implantation.soz] += 350e-6 * rng.uniform(0.5, 1, (implantation.soz.sum(), 1)) * train
    info = mne.create_info(implantation.names, IEEG_SFREQ, implantation.kinds, verbose="error")
    with info._unlock():
        info["line_freq"] = 50.0
    return mne.io.RawArray(data, info, verbose="error")
