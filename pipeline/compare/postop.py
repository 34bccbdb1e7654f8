"""A resection mask drawn on the post-operative T1w, brought to the pre-operative one."""

import tempfile
from pathlib import Path

import numpy as np
from scipy.ndimage import binary_dilation, distance_transform_edt, map_coordinates

from pipeline.compare.frames import file_names, is_postoperative
from pipeline.compare.images import RigidFit, open_image, register_rigidly
from pipeline.compare.resection import MAX_SHARE_OF_BRAIN, same_grid
from pipeline.errors import InvalidInput
from pipeline.files import read_metadata
from pipeline.headmodel.registration import carry_points, reproducible_ants, to_ants
from pipeline.headmodel.t1w import Volume, bounding_box_mm, resample
from pipeline.metrics._case import Resection
from pipeline.warp import apply_affine

SPACING_MM = 2.0
BOX_MARGIN_MM = 10.0
# The skull beside the brain stays where it was: it holds the deformation at the edge.
BRAIN_MARGIN_MM = 8.0
# Around the cavity, where blood and collapsed tissue have no counterpart before the operation.
CAVITY_MARGIN_MM = 3.0
SYN_ITERATIONS = (60, 40, 20)
# Counted voxel by voxel: a correlation over neighbourhoods would see the cavity beside the mask, and
# pull its edge (a mask that should stay overlapped itself by 0.89 instead of 1.00).
SYN_METRIC, SYN_BINS = "mattes", 32
SYN_TOTAL_SIGMA = 0.5
SHIFT_WITHIN_MM = 30.0


def is_in_postop_space(
    mask_path: Path, mask: Resection, t1w: Volume, postop: Volume | None, names: tuple[str, str]
) -> bool:
    """Whether a mask was drawn on the post-operative image.

    Asked are, in this order: which of the two the mask's sidecar names, the entity ``space`` of the
    mask's name, its grid, and the sessions in its name and in those that its sidecar names.

    Parameters
    ----------
    names : tuple of str
        File names of the T1w and of the post-operative T1w ("" for none).
    """
    sources = sources_of(mask_path)
    named = [name in sources for name in names]
    if named[0] != named[1]:
        return named[1]
    if "_space-" in mask_path.name:
        return is_postoperative(Path(f"_space-{mask_path.name.split('_space-')[1]}"))
    on_grid = [image is not None and same_grid(mask, image) for image in (t1w, postop)]
    if on_grid[0] != on_grid[1]:
        return on_grid[1]
    return any(is_postoperative(path) for path in (mask_path, *map(Path, sources)))


def drawn_on(mask_path: Path, images: list[Path]) -> list[Path]:
    """Those of several images that a mask's sidecar names, else those that have its grid."""
    sources, grid = sources_of(mask_path), _grid(mask_path)
    named = [image for image in images if image.name in sources]
    return named or [image for image in images if grid is not None and _grid(image) == grid]


def carry_to_preop(
    mask: Resection, postop: Volume, t1w: Volume, brain_mask: np.ndarray, seed: int
) -> tuple[Resection, dict[str, float], RigidFit]:
    """Carry a mask from the post-operative to the pre-operative T1w: rigidly, then deformably.

    The deformation (SyN, Avants et al. 2008, on mutual information) is not driven by what was
    removed: the cavity is masked out of the cost function (Brett et al. 2001), and is carried by
    the deformation of the brain around it. Its size in that brain is reported as the brain's shift.

    Parameters
    ----------
    mask : Resection
        In the post-operative image's scanner RAS.
    postop, t1w : Volume
    brain_mask : ndarray of bool
        On the T1w's grid.
    seed : int
        Of the rigid registration's sampling.

    Returns
    -------
    carried : Resection
        On the T1w's grid.
    quality : dict
        Shift in mm, correlation of the images within the brain outside the resection, volumes;
        empty where the mask holds no brain or nearly all of it.
    rigid : RigidFit
    """
    rigid = register_rigidly(postop, t1w, seed)
    box = bounding_box_mm(brain_mask, t1w.affine, BOX_MARGIN_MM)
    fixed = resample(t1w, SPACING_MM, *box)
    nodes_mm = apply_affine(fixed.affine, np.indices(fixed.data.shape).reshape(3, -1).T * 1.0)

    shape = fixed.data.shape
    in_postop_mm = apply_affine(np.linalg.inv(rigid.to_t1w), nodes_mm)
    moving_data = _sampled(postop.data, postop.affine, in_postop_mm).reshape(shape)
    moving = Volume(moving_data, fixed.affine)
    cavity = _sampled(mask.inside, mask.affine, in_postop_mm).reshape(shape) > 0.5
    brain = resample(Volume(brain_mask.astype(np.float32), t1w.affine), SPACING_MM, *box).data > 0.5
    removed = (brain & cavity).sum() / brain.sum()
    if not 0 < removed <= MAX_SHARE_OF_BRAIN:
        # No brain, or all of it: nothing to deform; where it lies says what is wrong with it.
        return _on_t1w(mask, rigid, t1w, np.zeros((*shape, 3)), fixed), {}, rigid
    near_brain = binary_dilation(brain, iterations=round(BRAIN_MARGIN_MM / SPACING_MM))
    cost = near_brain & (_distance_mm(cavity) > CAVITY_MARGIN_MM)
    shift_mm, warped = _deformation(fixed, moving, near_brain, cost, nodes_mm, seed)
    # Of the whole brain but the cavity, near it, where it is largest.
    kept = brain & ~cavity
    size_mm = np.linalg.norm(shift_mm, axis=-1)
    near = size_mm[kept & (_distance_mm(cavity) <= SHIFT_WITHIN_MM)]

    carried = _on_t1w(mask, rigid, t1w, shift_mm, fixed)
    quality = {
        "brain_shift_median_mm": float(np.median(near)),
        "brain_shift_p95_mm": float(np.percentile(near, 95)),
        "brain_shift_max_mm": float(near.max()),
        "correlation_rigid": float(np.corrcoef(fixed.data[kept], moving.data[kept])[0, 1]),
        "correlation_deformed": float(np.corrcoef(fixed.data[kept], warped[kept])[0, 1]),
        "volume_in_postop_cm3": mask.volume_cm3,
    }
    return carried, {name: round(value, 3) for name, value in quality.items()}, rigid


def _deformation(fixed, moving, near_brain, cost, nodes_mm, seed):
    """Displacement (i, j, k, 3) from the pre-operative place to the post-operative one, mm."""
    ants = reproducible_ants(seed)
    fixed_image, moving_image, where = (
        to_ants(Volume(data.astype(np.float32), fixed.affine))
        for data in (fixed.data * near_brain, moving.data * near_brain, cost)
    )
    with tempfile.TemporaryDirectory(prefix="spikefocus_") as folder:
        result = ants.registration(
            fixed_image,
            moving_image,
            type_of_transform="SyNOnly",
            initial_transform="Identity",
            mask=where,
            moving_mask=where,
            mask_all_stages=True,
            syn_metric=SYN_METRIC,
            syn_sampling=SYN_BINS,
            reg_iterations=SYN_ITERATIONS,
            total_sigma=SYN_TOTAL_SIGMA,
            outprefix=f"{folder}/",
        )
        warped = result["warpedmovout"].numpy()
        moved_mm = carry_points(ants, nodes_mm, result["fwdtransforms"])
    return (moved_mm - nodes_mm).reshape(*fixed.data.shape, 3), warped


def _distance_mm(mask: np.ndarray) -> np.ndarray:
    return distance_transform_edt(~mask, sampling=SPACING_MM)


def _on_t1w(mask, rigid: RigidFit, t1w: Volume, shift_mm: np.ndarray, grid: Volume) -> Resection:
    """The mask on the T1w's grid: the shift (i, j, k, 3) on a coarser grid, then the rigid motion."""
    reach_mm = np.linalg.norm(shift_mm, axis=-1).max() + SPACING_MM
    block, points_mm = _voxels_around(mask, rigid, t1w, reach_mm)
    index = apply_affine(np.linalg.inv(grid.affine), points_mm).T
    moved_mm = points_mm + np.stack(
        [map_coordinates(shift_mm[..., axis], index, order=1, mode="nearest") for axis in range(3)],
        axis=1,
    )
    in_postop_mm = apply_affine(np.linalg.inv(rigid.to_t1w), moved_mm)
    inside = np.zeros(t1w.data.shape, bool)
    held = _sampled(mask.inside, mask.affine, in_postop_mm) > 0.5
    inside[block] = held.reshape(inside[block].shape)
    return Resection(inside, t1w.affine)


def _sampled(data: np.ndarray, affine: np.ndarray, points_mm: np.ndarray) -> np.ndarray:
    """Trilinear values (n,) of an image at points (n, 3), 0 outside."""
    index = apply_affine(np.linalg.inv(affine), points_mm)
    return map_coordinates(data.astype(np.float32), index.T, order=1)


def _voxels_around(mask: Resection, rigid: RigidFit, t1w: Volume, margin_mm: float):
    """The block of the T1w's voxels that the mask can reach, and their positions (n, 3), mm."""
    to_voxel = np.linalg.inv(t1w.affine) @ rigid.to_t1w @ mask.affine
    index = apply_affine(to_voxel, np.argwhere(mask.inside).astype(float))
    margin = 1 + margin_mm / t1w.voxel_mm
    low = np.clip(np.floor(index.min(0) - margin), 0, t1w.data.shape).astype(int)
    high = np.clip(np.ceil(index.max(0) + margin) + 1, 0, t1w.data.shape).astype(int)
    axes = [np.arange(first, last) for first, last in zip(low, high, strict=True)]
    voxels = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    block = tuple(slice(first, last) for first, last in zip(low, high, strict=True))
    return block, apply_affine(t1w.affine, voxels.astype(float))


def _grid(path: Path) -> tuple | None:
    """Size and place of an image's voxels; None where it cannot be read."""
    try:
        image = open_image(path, "image")
    except InvalidInput:
        return None
    return (*image.shape[:3], *np.round(image.affine, 3).ravel())


def sources_of(mask_path: Path) -> set[str]:
    """Names of the images that the mask's sidecar says it was made from."""
    sidecar = mask_path.with_name(mask_path.name.split(".")[0] + ".json")
    if not sidecar.is_file():
        return set()
    try:
        content = read_metadata(sidecar)
    except (OSError, InvalidInput):
        return set()
    fields = (content.get(key) for key in ("SpatialReference", "Sources", "RawSources"))
    return {name for field in fields for name in file_names(field)}
