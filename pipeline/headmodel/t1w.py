"""Reading the T1w, and refusing what cannot be the image of a head."""

import math
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy.ndimage import affine_transform, gaussian_filter

from pipeline.air import air_at_zero, check_background
from pipeline.doubts import Doubt
from pipeline.errors import InvalidInput
from pipeline.image_frame import TEMPLATE_GRIDS, frame_doubts
from pipeline.nifti import check_storage, require_intact, require_memory

WHAT = "T1w"
MIN_VOXELS_PER_AXIS, MAX_VOXELS_PER_AXIS = 32, 1024
MAX_VOXELS = 2**28
MIN_VOXEL_MM, MAX_VOXEL_MM = 0.2, 4.0
MIN_FIELD_OF_VIEW_MM = 100.0
# Of an axis beside the others, by rounding alone.
MAX_TILT = 1e-3


@dataclass(frozen=True)
class Volume:
    """An image and where it lies.

    Attributes
    ----------
    data : ndarray of float32, (i, j, k)
    affine : ndarray, (4, 4)
        Voxel indices to scanner RAS, mm.
    doubts : tuple of Doubt
        What is doubtful about where it lies (see `frame_doubts`).
    """

    data: np.ndarray
    affine: np.ndarray
    doubts: tuple[Doubt, ...] = ()

    @property
    def voxel_mm(self) -> np.ndarray:
        return np.linalg.norm(self.affine[:3, :3], axis=0)


def read_t1w(path: Path) -> Volume:
    """Read a 3-D NIfTI.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Volume
        Intensities as stored (scaled), but for air, which is brought to zero, and for voxels that
        are no numbers, which count as air.

    Raises
    ------
    InvalidInput
        Missing, not NIfTI, truncated, not 3-D, of absurd size, without a usable affine, constant, or
        without dark air.
    """
    path = Path(path)
    image = open_t1w(path)
    require_memory(image, path, "T1w")
    require_intact(path, "T1w")
    try:
        data = np.asarray(image.dataobj, np.float32).reshape(image.shape[:3])
    except Exception as error:  # zlib, EOF, OS and value errors all mean the same here
        raise InvalidInput(
            "the T1w is truncated or corrupt",
            file=path,
            hint="copy it again from the original and compare the sizes",
        ) from error
    finite = data[np.isfinite(data)]
    if not finite.size or np.ptp(finite) == 0:
        raise InvalidInput(
            "the T1w is empty: all its voxels have one value",
            file=path,
            hint="convert the DICOM series again and look at the image",
        )
    data = air_at_zero(data)
    check_background(data, path)
    doubts = (*frame_doubts(image, path, WHAT), *_template_doubts(image))
    return Volume(data, np.array(image.affine, float), doubts)


def _template_doubts(image) -> tuple[Doubt, ...]:
    """Where a T1w has the voxels of a template's image along the scanner's axes, as no scan has them."""
    axes = np.asarray(image.affine, float)[:3, :3]
    is_turned = np.count_nonzero(np.abs(axes) > MAX_TILT * np.abs(axes).max()) > 3
    if image.shape[:3] not in TEMPLATE_GRIDS or is_turned:
        return ()
    text = (
        f"the T1w has the voxels of a template's image ({' x '.join(map(str, image.shape[:3]))}): if it was "
        "fitted to the template, its shape and size are not the head's, and positions in it not the patient's"
    )
    return (Doubt(text),)


def open_t1w(path: Path):
    """Open a T1w without reading its voxels; refuse what its header rules out (see `read_t1w`)."""
    path = Path(path)
    if not path.exists():
        raise InvalidInput("the T1w is missing", file=path, hint="add the participant's T1w")
    check_storage(path, "T1w")
    try:
        image = nib.load(path)
    except Exception as error:  # a corrupt header makes nibabel raise anything
        raise InvalidInput(
            "the T1w is not a readable NIfTI image",
            file=path,
            hint="convert the DICOM series again, for example with dcm2niix",
        ) from error
    _check_header(image, path)
    return image


def _check_header(image, path: Path) -> None:
    shape = image.shape
    if len(shape) < 3 or any(n != 1 for n in shape[3:]):
        raise InvalidInput(
            f"the T1w has {len(shape)} dimensions ({' x '.join(map(str, shape))}) instead of 3",
            file=path,
            hint="give one anatomical volume, not a time series",
        )
    sizes = shape[:3]
    absurd = min(sizes) < MIN_VOXELS_PER_AXIS or max(sizes) > MAX_VOXELS_PER_AXIS
    if absurd or math.prod(sizes) > MAX_VOXELS:
        raise InvalidInput(
            f"the T1w has an absurd size of {' x '.join(map(str, sizes))} voxels",
            file=path,
            hint="give a whole-head volume at about 1 mm",
        )
    frame_doubts(image, path, WHAT)
    voxel_mm = np.linalg.norm(np.asarray(image.affine, float)[:3, :3], axis=0)
    if voxel_mm.min() < MIN_VOXEL_MM or voxel_mm.max() > MAX_VOXEL_MM:
        raise InvalidInput(
            f"the T1w has implausible voxels of {' x '.join(f'{size:.3g}' for size in voxel_mm)} mm",
            file=path,
            hint="repair its affine or convert the DICOM series again",
        )
    if (voxel_mm * sizes).min() < MIN_FIELD_OF_VIEW_MM:
        raise InvalidInput(
            f"the T1w covers only {(voxel_mm * sizes).min():.0f} mm along one axis",
            file=path,
            hint="give a T1w of the whole head",
        )


def resample(volume: Volume, spacing_mm: float, low_mm, high_mm, order: int = 1) -> Volume:
    """Resample to an isotropic grid along the scanner's axes that spans a box.

    Parameters
    ----------
    volume : Volume
    spacing_mm : float
        The image is low-passed first where this is coarser than its voxels.
    low_mm, high_mm : ndarray, (3,)
        Corners of the box in scanner RAS.
    order : int
        Of the spline.
    """
    sigma = 0.5 * np.sqrt(np.maximum(spacing_mm**2 - volume.voxel_mm**2, 0)) / volume.voxel_mm
    smooth = gaussian_filter(volume.data, sigma) if sigma.max() > 0.1 else volume.data
    affine = np.diag([spacing_mm] * 3 + [1.0])
    affine[:3, 3] = low_mm
    shape = tuple(np.ceil((np.asarray(high_mm) - low_mm) / spacing_mm).astype(int) + 1)
    to_voxel = np.linalg.inv(volume.affine) @ affine
    data = affine_transform(
        smooth, to_voxel[:3, :3], to_voxel[:3, 3], shape, order=order, mode="constant"
    )
    return Volume(data.astype(np.float32), affine)


def bounding_box_mm(mask: np.ndarray, affine: np.ndarray, margin_mm: float):
    """Corners (3,), (3,) in scanner RAS of the box around a mask's voxels."""
    inside = np.argwhere(mask)
    low, high = inside.min(0), inside.max(0)
    corners = np.stack(np.meshgrid(*zip(low, high, strict=True)), axis=-1).reshape(-1, 3)
    corners_mm = corners @ affine[:3, :3].T + affine[:3, 3]
    return corners_mm.min(0) - margin_mm, corners_mm.max(0) + margin_mm
