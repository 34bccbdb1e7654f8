"""Carrying the template's head to the patient: MNI152 to the T1w by ANTs (Avants et al. 2008)."""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import InvalidInput
from pipeline.headmodel.t1w import Volume, bounding_box_mm, resample
from pipeline.warp import HeadWarp, apply_affine

REGISTRATIONS = ("syn", "affine")
SPACING_MM = 2.0
MARGIN_MM = 10.0
# Cross-correlation over 5 x 5 x 5 voxels down to 4 mm only: on a real head, finer levels took three
# times as long and moved the cortex away from FreeSurfer's (benchmarks/real_head.py), and 50 in the second
# level moved it by 0.07 mm (median) without bringing it nearer.
SYN_ITERATIONS = (100, 25, 0)
SYN_RADIUS_VOXELS = 2
SYN_TOTAL_SIGMA = 1.0
RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])


def register_template(
    t1w: Volume, brain_mask: np.ndarray, method: str, seed: int
) -> tuple[HeadWarp, float]:
    """Register the skull-stripped MNI152 average to the patient's brain.

    Parameters
    ----------
    t1w : Volume
    brain_mask : ndarray of bool
        On the T1w's grid.
    method : str
        "syn" (affine, then SyN with local cross-correlation) or "affine".
    seed : int
        Of the affine stage's random sampling; the same seed gives the same warp.

    Returns
    -------
    warp : HeadWarp
    similarity : float
        Correlation of the carried template with the T1w within the brain.
    """
    if method not in REGISTRATIONS:
        raise InvalidInput(
            f"the option registration of headmodel is {method!r}",
            hint=f"choose one of {', '.join(REGISTRATIONS)}",
        )
    ants = reproducible_ants(seed)
    # It takes a second to import: only those who need it wait.
    from nilearn import datasets

    stored = datasets.load_mni152_template(resolution=1)
    mni152 = Volume(np.asarray(stored.dataobj, np.float32), stored.affine)
    fixed = resample(
        Volume(t1w.data * brain_mask, t1w.affine),
        SPACING_MM,
        *bounding_box_mm(brain_mask, t1w.affine, MARGIN_MM),
    )
    moving = resample(
        mni152, SPACING_MM, *bounding_box_mm(mni152.data > 0, mni152.affine, MARGIN_MM)
    )
    fixed_image, moving_image = to_ants(fixed), to_ants(moving)
    options: dict[str, Any] = {"type_of_transform": "Affine"}
    if method == "syn":
        options = {
            "type_of_transform": "SyN",
            "syn_metric": "CC",
            "syn_sampling": SYN_RADIUS_VOXELS,
            "reg_iterations": SYN_ITERATIONS,
            "total_sigma": SYN_TOTAL_SIGMA,
        }
    with tempfile.TemporaryDirectory(prefix="spikefocus_") as folder:
        result = ants.registration(fixed_image, moving_image, outprefix=f"{folder}/", **options)
        warped = result["warpedmovout"].numpy()
        warp = _sample_warp(ants, moving, result["invtransforms"])
    brain = fixed.data > 0
    return warp, float(np.corrcoef(fixed.data[brain], warped[brain])[0, 1])


def reproducible_ants(seed: int):
    """The package ants, with one thread and a seed.

    With two threads the mutual information of equal images differs in its last digits, and an
    affine by 0.1 mm. ITK reads the thread number when it loads, antsRegistration the seed when it runs.
    """
    os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = "1"
    os.environ["ANTS_RANDOM_SEED"] = str(seed)
    import ants

    return ants


def to_ants(volume: Volume):
    """ITK image in LPS; the grid lies along the scanner's axes (see `resample`)."""
    import ants

    return ants.from_numpy(
        volume.data,
        origin=list(RAS_TO_LPS * volume.affine[:3, 3]),
        spacing=list(volume.voxel_mm),
        direction=np.diag(RAS_TO_LPS),
    )


def _sample_warp(ants, grid: Volume, transforms: list[str]) -> HeadWarp:
    """Turn ANTs' files into arrays, so that nothing depends on them afterwards.

    Points travel against images: template points go to the patient by the transforms that
    resample the patient's image onto the template.
    """
    affine = affine_of(ants, next(name for name in transforms if name.endswith(".mat")))
    if not any(Path(name).name.endswith("Warp.nii.gz") for name in transforms):
        return HeadWarp(affine, None, grid.affine)
    index = np.indices(grid.data.shape).reshape(3, -1).T
    nodes_mm = apply_affine(grid.affine, index.astype(float))
    displacement = carry_points(ants, nodes_mm, transforms) - apply_affine(affine, nodes_mm)
    lattice = displacement.reshape(*grid.data.shape, 3)
    return HeadWarp(affine, lattice, grid.affine)


def affine_of(ants, file: str) -> np.ndarray:
    """The matrix (4, 4) in RAS that `carry_points` applies for an ANTs ``.mat`` file."""
    corners = np.vstack([np.zeros(3), 100 * np.eye(3)])
    moved = carry_points(ants, corners, [file])
    affine = np.eye(4)
    affine[:3, :3] = (moved[1:] - moved[0]).T / 100
    affine[:3, 3] = moved[0]
    return affine


def carry_points(ants, points_mm: np.ndarray, transforms: list[str]) -> np.ndarray:
    """Carry points (n, 3) in RAS by ANTs' files, every matrix inverted."""
    frame = pd.DataFrame(points_mm * RAS_TO_LPS, columns=list("xyz"))
    invert = [name.endswith(".mat") for name in transforms]
    moved = ants.apply_transforms_to_points(3, frame, transforms, whichtoinvert=invert)
    return moved[list("xyz")].to_numpy() * RAS_TO_LPS
