"""Cortex and inner skull from FreeSurfer's reconstruction, on the mesh of fsaverage5."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mne
import nibabel as nib
import numpy as np
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from pipeline.errors import InvalidInput
from pipeline.headmodel.t1w import Volume, open_t1w, read_t1w
from pipeline.template import load_template
from pipeline.template.cortex import N_VERTICES_HEMI
from pipeline.warp import apply_affine

HEMIS = ("lh", "rh")
SURFACES = tuple(
    f"surf/{hemi}.{name}" for hemi in HEMIS for name in ("white", "pial", "sphere.reg")
)
# In the order of preference: all share one grid, that of the surfaces.
HEAD_IMAGES = ("orig.mgz", "nu.mgz", "T1.mgz", "norm.mgz", "brain.mgz", "brainmask.mgz")
N_CANDIDATES = 32
# The image that FreeSurfer worked on and the T1w are the same one; only its intensities were changed.
MIN_IMAGE_CORRELATION = 0.7
# A brain's middle lies near the plane at which a mirrored copy of it fits best.
MIRROR_PLANES_MM = (-4.0, -2.0, 0.0, 2.0, 4.0)
# Of a surface from the centre of its image, and of one Talairach origin from the other.
LARGEST_COORDINATE_MM = 500.0
LARGEST_TALAIRACH_SHIFT_MM = 200.0
# Volume of MNI305's brain over the patient's.
TALAIRACH_SCALES = (0.1, 10.0)
# Bytes of memory that reading takes at most, per byte of an intact file.
MEMORY_PER_BYTE = 10
NOT_A_REGION = ("unknown", "corpuscallosum", "???", "Medial_wall")


@dataclass(frozen=True)
class Reconstruction:
    """FreeSurfer's cortex at the vertices of fsaverage5, left hemisphere first.

    Attributes
    ----------
    white_mri_mm, pial_mri_mm : ndarray, (20484, 3)
    aparc : ndarray of str, (20484,) or None
        Desikan-Killiany label ("left precuneus"), "" where there is none; None without annotation.
    inner_skull_mri_mm : ndarray, (n, 3) or None
        Dense vertices, None without ``bem/inner_skull.surf``.
    to_scanner : ndarray, (4, 4)
        FreeSurfer's surface RAS to scanner RAS, mm.
    """

    white_mri_mm: np.ndarray
    pial_mri_mm: np.ndarray
    aparc: np.ndarray | None
    inner_skull_mri_mm: np.ndarray | None
    to_scanner: np.ndarray


def missing_files(folder: Path) -> list[str]:
    """What `read_reconstruction` cannot do without and is not there, as paths below the folder."""
    missing = [name for name in SURFACES if not (folder / name).exists()]
    if not any((folder / "mri" / name).exists() for name in HEAD_IMAGES):
        missing.append(f"mri/{HEAD_IMAGES[0]}")
    return missing


def files_read(folder: Path) -> list[Path]:
    """Files of a FreeSurfer folder that `read_reconstruction` and `check_same_image` look at."""
    surf = [folder / name for name in SURFACES]
    annot = [folder / "label" / f"{hemi}.aparc.annot" for hemi in HEMIS]
    return [
        *surf,
        *annot,
        *(folder / "mri" / name for name in HEAD_IMAGES),
        _inner_skull_file(folder),
        _talairach_file(folder),
    ]


def read_reconstruction(folder: Path) -> Reconstruction:
    """Read white and pial surfaces and carry them to fsaverage5 by the spherical registration.

    Parameters
    ----------
    folder : Path
        The participant's folder in ``SUBJECTS_DIR``.

    Raises
    ------
    InvalidInput
        A file is missing or unreadable, or the hemispheres are exchanged.
    """
    template = load_template()
    to_scanner = surface_to_scanner(folder)
    resampled: dict[str, list[np.ndarray]] = {"white": [], "pial": []}
    labels = []
    for h, hemi in enumerate(HEMIS):
        sphere, faces = _read_sphere(folder / "surf" / f"{hemi}.sphere.reg")
        targets = template.sphere_mm[h * N_VERTICES_HEMI : (h + 1) * N_VERTICES_HEMI]
        corners, weights = locate_on_sphere(sphere, faces, targets)
        for name, hemispheres in resampled.items():
            file = folder / "surf" / f"{hemi}.{name}"
            pos, _ = _read_surface(file)
            if len(pos) != len(sphere):
                raise InvalidInput(
                    f"the surface has {len(pos)} vertices and its sphere {len(sphere)}",
                    file=file,
                    hint="run recon-all again: its files come from different runs",
                )
            at_targets = np.einsum("nc,ncx->nx", weights, pos[corners])
            hemispheres.append(apply_affine(to_scanner, at_targets))
        nearest = corners[np.arange(len(corners)), np.argmax(weights, axis=1)]
        labels.append(_read_aparc(folder, h, len(sphere), nearest))
    left_mm, right_mm = resampled["white"]
    check_hemispheres(left_mm, right_mm, folder / "surf" / f"{HEMIS[0]}.white")
    skull_file = _inner_skull_file(folder)
    skull = apply_affine(to_scanner, _read_surface(skull_file)[0]) if skull_file.exists() else None
    known = [hemisphere for hemisphere in labels if hemisphere is not None]
    return Reconstruction(
        white_mri_mm=np.vstack(resampled["white"]),
        pial_mri_mm=np.vstack(resampled["pial"]),
        aparc=np.concatenate(known) if len(known) == len(labels) else None,
        inner_skull_mri_mm=skull,
        to_scanner=to_scanner,
    )


def check_hemispheres(left_mri_mm: np.ndarray, right_mri_mm: np.ndarray, file: Path) -> None:
    """Refuse hemispheres (n, 3) of which the left one lies on the right: every label would be of the other side."""
    if left_mri_mm[:, 0].mean() >= right_mri_mm[:, 0].mean():
        raise InvalidInput(
            "FreeSurfer's left hemisphere lies on the right of its right one",
            file=file,
            hint="give the files of the hemispheres back their names, or run recon-all again",
        )


def read_talairach(folder: Path) -> np.ndarray | None:
    """FreeSurfer's affine (4, 4) from MNI305 to scanner RAS, mm; None where it left none.

    Raises
    ------
    InvalidInput
        ``talairach.xfm`` is corrupt.
    """
    file = _talairach_file(folder)
    if not file.exists():
        return None
    try:
        to_mni305 = mne.transforms.read_ras_mni_t(folder.name, folder.parent)["trans"]
    except ValueError as error:
        raise _unreadable(file) from error
    smallest, largest = TALAIRACH_SCALES
    # Written so that what is no number is refused too.
    if not (
        smallest < np.linalg.det(to_mni305[:3, :3]) < largest
        and np.abs(to_mni305[:3, 3]).max() < LARGEST_TALAIRACH_SHIFT_MM
    ):
        raise _unreadable(file)
    return np.linalg.inv(to_mni305)


def locate_on_sphere(sphere: np.ndarray, faces: np.ndarray, targets: np.ndarray):
    """Find the triangle of a spherical mesh in which each target direction lies.

    Parameters
    ----------
    sphere : ndarray, (n, 3)
    faces : ndarray of int, (m, 3)
    targets : ndarray, (k, 3)
        Directions; lengths don't matter.

    Returns
    -------
    corners : ndarray of int, (k, 3)
        Vertices of the triangle.
    weights : ndarray, (k, 3)
        Barycentric, not negative, of sum 1.
    """
    unit = sphere / np.linalg.norm(sphere, axis=1, keepdims=True)
    target = targets / np.linalg.norm(targets, axis=1, keepdims=True)
    centroid = unit[faces].mean(1)
    centroid /= np.linalg.norm(centroid, axis=1, keepdims=True)
    n_candidates = min(N_CANDIDATES, len(faces))
    candidates = cKDTree(centroid).query(target, k=n_candidates)[1]
    best = np.full(len(target), -np.inf)
    corners, weights = np.zeros((len(target), 3), int), np.zeros((len(target), 3))
    for candidate in candidates.T:
        a, b, c = np.moveaxis(unit[faces[candidate]], 1, 0)
        # Solid-angle form of barycentric weights: signed volumes with the target.
        weight = np.stack(
            [np.einsum("ij,ij->i", target, np.cross(*pair)) for pair in ((b, c), (c, a), (a, b))],
            axis=1,
        )
        weight *= np.sign(np.einsum("ij,ij->i", a, np.cross(b, c)))[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = weight / weight.sum(1, keepdims=True)
        worst = np.nan_to_num(weight.min(1), nan=-np.inf)
        worst[np.einsum("ij,ij->i", a + b + c, target) <= 0] = -np.inf
        better = worst > best
        best[better], corners[better] = worst[better], faces[candidate][better]
        weights[better] = weight[better]
    weights = np.clip(weights, 0, None)
    return corners, weights / weights.sum(1, keepdims=True)


def check_same_image(folder: Path, t1w: Volume, brain_mask: np.ndarray) -> tuple[float, float]:
    """Compare FreeSurfer's head image with the T1w within the brain, where the T1w says it lies.

    Returns
    -------
    correlation, mirrored_correlation : float
        The second with FreeSurfer's image mirrored at the brain's centre, the best of a few planes.

    Raises
    ------
    InvalidInput
        FreeSurfer worked on another image, or on a copy that lies elsewhere or is mirrored, or its
        image is corrupt.
    """
    file = _head_image(folder)
    try:
        image = read_t1w(file)
    except InvalidInput as error:
        raise _unreadable(file) from error
    inside = np.argwhere(brain_mask)[::17]
    points_mm = apply_affine(t1w.affine, inside)
    if not len(inside):
        raise _elsewhere(0.0, file)
    ours = t1w.data[tuple(inside.T)]
    correlation = _correlation(image, points_mm, ours)
    middle_mm = points_mm[:, 0].mean()
    mirrored = max(
        _correlation(image, points_mm * (-1, 1, 1) + (2 * (middle_mm + off_mm), 0, 0), ours)
        for off_mm in MIRROR_PLANES_MM
    )
    if mirrored > max(correlation, MIN_IMAGE_CORRELATION):
        raise InvalidInput(
            "FreeSurfer's image fits the T1w better as its mirror image (correlation within the "
            f"brain {mirrored:.2f}) than as it is ({correlation:.2f})",
            file=file,
            hint="find out which of the two is mirrored: convert the DICOM series again, and run "
            "recon-all on that",
        )
    if not correlation >= MIN_IMAGE_CORRELATION:
        raise _elsewhere(correlation, file)
    return correlation, mirrored


def _elsewhere(correlation: float, file: Path) -> InvalidInput:
    return InvalidInput(
        "FreeSurfer's image and the T1w do not lie on one another "
        f"(correlation within the brain {correlation:.2f})",
        file=file,
        hint="give the derivatives that recon-all made of this very T1w, or none",
    )


def middle_of_brain(pial_mri_mm: np.ndarray, t1w: Volume) -> np.ndarray:
    """The T1w's voxels (i, j, k) bool in the middle of a brain's surface (n, 3): its mask, before there is one."""
    low_mm, high_mm = pial_mri_mm.min(0), pial_mri_mm.max(0)
    sizes = np.stack(np.meshgrid(*[(0.25, 0.75)] * 3), -1).reshape(-1, 3)
    index = apply_affine(np.linalg.inv(t1w.affine), low_mm + sizes * (high_mm - low_mm))
    first, last = (np.clip(np.rint(end), 0, t1w.data.shape) for end in (index.min(0), index.max(0)))
    inside = np.zeros(t1w.data.shape, bool)
    inside[tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))] = True
    return inside


def _correlation(image: Volume, points_mm: np.ndarray, ours: np.ndarray) -> float:
    """Of an image at points (n, 3) with given values (n,); 0 where it hardly covers them."""
    index = apply_affine(np.linalg.inv(image.affine), points_mm)
    theirs = map_coordinates(image.data, index.T, order=1)
    covered = theirs > 0
    if covered.mean() <= 0.5:
        return 0.0
    return float(np.corrcoef(theirs[covered], ours[covered])[0, 1])


def _head_image(folder: Path) -> Path:
    for name in HEAD_IMAGES:
        if (folder / "mri" / name).exists():
            return folder / "mri" / name
    raise InvalidInput(
        "the FreeSurfer folder holds no head image",
        file=folder / "mri" / HEAD_IMAGES[0],
        hint="run recon-all to its end or leave the FreeSurfer derivatives out",
    )


def surface_to_scanner(folder: Path) -> np.ndarray:
    """Matrix (4, 4) from the surface RAS of a FreeSurfer folder to scanner RAS, mm."""
    file = _head_image(folder)
    try:
        image = open_t1w(file)
    except InvalidInput as error:
        raise _unreadable(file) from error
    return np.asarray(image.affine, float) @ np.linalg.inv(image.header.get_vox2ras_tkr())


def _read_surface(file: Path) -> tuple[np.ndarray, np.ndarray]:
    if not file.exists():
        raise InvalidInput(
            "a FreeSurfer surface is missing",
            file=file,
            hint="run recon-all to its end or leave the FreeSurfer derivatives out",
        )
    pos, faces = _read(nib.freesurfer.read_geometry, file)
    pos, faces = pos.astype(float), faces.astype(int)
    # Written so that what is no number is refused too.
    if not np.abs(pos).max(initial=0) < LARGEST_COORDINATE_MM:
        raise _unreadable(file)
    if not faces.size or faces.min() < 0 or faces.max() >= len(pos):
        raise _unreadable(file)
    return pos, faces


def _read_sphere(file: Path) -> tuple[np.ndarray, np.ndarray]:
    pos, faces = _read_surface(file)
    radius = np.linalg.norm(pos, axis=1)
    if not 0.95 * radius.max() < radius.min():
        raise _unreadable(file)
    return pos, faces


def _read_aparc(folder: Path, h: int, n_vertices: int, nearest: np.ndarray) -> np.ndarray | None:
    """Labels at the vertices `nearest` of one hemisphere's `n_vertices`."""
    file = folder / "label" / f"{HEMIS[h]}.aparc.annot"
    if not file.exists():
        return None
    index, _, names = _read(nib.freesurfer.read_annot, file)
    if len(index) != n_vertices or index.max() >= len(names):
        raise _unreadable(file)
    side = ("left", "right")[h]
    decoded = [name.decode(errors="replace") for name in names]
    found = [decoded[i] if i >= 0 else NOT_A_REGION[0] for i in index[nearest]]
    return np.array(["" if name in NOT_A_REGION else f"{side} {name}" for name in found])


def _read(read: Callable[[Path], tuple], file: Path) -> tuple:
    """What nibabel reads; whatever it raises is the file's fault, but for a true lack of memory."""
    try:
        return read(file)
    except MemoryError:
        pass
    except Exception as error:  # a corrupt header makes nibabel raise anything
        raise _unreadable(file) from error
    # Some count in the file is absurd - unless what an intact file needs is refused as well.
    np.empty(MEMORY_PER_BYTE * file.stat().st_size, np.uint8)
    raise _unreadable(file)


def _inner_skull_file(folder: Path) -> Path:
    return folder / "bem" / "inner_skull.surf"


def _talairach_file(folder: Path) -> Path:
    return folder / "mri" / "transforms" / "talairach.xfm"


def _unreadable(file: Path) -> InvalidInput:
    return InvalidInput(
        "the FreeSurfer file is corrupt",
        file=file,
        hint="copy it again from the original or leave the FreeSurfer derivatives out",
    )
