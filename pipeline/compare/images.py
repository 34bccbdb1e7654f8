"""Rigid registration of the patient's other images (CT, post-operative MRI) to the T1w."""

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import nibabel as nib
import numpy as np
from nibabel.spatialimages import SpatialImage

from pipeline.air import air_at_zero
from pipeline.errors import InvalidInput
from pipeline.headmodel.registration import affine_of, reproducible_ants, to_ants
from pipeline.headmodel.t1w import MAX_VOXELS, Volume, resample
from pipeline.image_frame import frame_doubts
from pipeline.nifti import check_storage, require_intact, require_memory
from pipeline.warp import apply_affine

SPACING_MM = 2.0
PERCENTILES = (1.0, 99.5)
# Both registrations see the same two images: they agree to a fraction of a voxel where they hold.
MAX_INCONSISTENCY_MM = 3.0


@dataclass(frozen=True)
class RigidFit:
    """How an image lies on the T1w.

    Attributes
    ----------
    to_t1w : ndarray, (4, 4)
        The image's scanner RAS to that of the T1w, mm.
    inconsistency_mm : float
        Largest distance within the head between the registration and that in the other direction.
    rotation_deg, shift_mm : float
        Size of the motion; the shift is that of the T1w's centre.
    """

    to_t1w: np.ndarray
    inconsistency_mm: float
    rotation_deg: float
    shift_mm: float

    @property
    def quality(self) -> dict[str, float]:
        return {
            "inverse_consistency_mm": round(self.inconsistency_mm, 2),
            "rotation_deg": round(self.rotation_deg, 2),
            "shift_mm": round(self.shift_mm, 2),
        }


def read_image(path: Path, what: str) -> Volume:
    """Read a 3-D NIfTI of the head that knows where it lies.

    Raises
    ------
    InvalidInput
        Unreadable, of absurd size, not 3-D, constant, or without an affine.
    """
    image = open_image(path, what)
    require_memory(image, path, what)
    require_intact(path, what)
    try:
        data = np.asarray(image.dataobj, np.float32)
    except Exception as error:  # a corrupt file makes nibabel raise anything
        raise unreadable(path, what) from error
    data = data.reshape(data.shape[:3]) if data.shape[3:] == (1,) else data
    finite = data[np.isfinite(data)]
    if data.ndim != 3 or not finite.size or np.ptp(finite) == 0:
        raise InvalidInput(
            f"the {what} is no three-dimensional image of anything",
            file=path,
            hint="convert the DICOM series again",
        )
    return Volume(
        air_at_zero(data), np.asarray(image.affine, float), frame_doubts(image, path, what)
    )


def open_image(path: Path, what: str) -> SpatialImage:
    """Open an image without reading its voxels; refuse a header that claims more than a head has."""
    check_storage(path, what)
    try:
        image = cast(SpatialImage, nib.load(path))
        n_voxels = math.prod(image.shape)
    except Exception as error:
        raise unreadable(path, what) from error
    if n_voxels > MAX_VOXELS:
        raise InvalidInput(
            f"the {what} has an absurd size of {' x '.join(map(str, image.shape))} voxels",
            file=path,
            hint="give an image of one head, such as on the T1w's grid",
        )
    return image


def middle_of(path: Path) -> np.ndarray | None:
    """Where the middle (3,) of an image's voxels lies, mm (FreeSurfer's c_ras); None where it cannot be read."""
    if not path.is_file():
        return None
    try:
        image = open_image(path, "image")
    except InvalidInput:
        return None
    return apply_affine(np.asarray(image.affine, float), np.array(image.shape[:3])[None] / 2)[0]


def same_image(path: Path, other: Path) -> bool:
    """Whether two files hold the same voxels at the same place; False where either cannot be read."""
    try:
        require_intact(path, "image")
        require_intact(other, "image")
        first, second = open_image(path, "image"), open_image(other, "image")
        frame_doubts(first, path, "image"), frame_doubts(second, other, "image")
        if first.shape != second.shape or not np.allclose(first.affine, second.affine, atol=1e-3):
            return False
        return np.array_equal(np.asarray(first.dataobj), np.asarray(second.dataobj), equal_nan=True)
    except Exception:  # a corrupt file makes nibabel raise anything
        return False


def unreadable(path: Path, what: str) -> InvalidInput:
    """What is raised where nibabel can't make sense of a file."""
    return InvalidInput(f"the {what} cannot be read as NIfTI", file=path, hint="replace the file")


def register_rigidly(moving: Volume, t1w: Volume, seed: int = 0) -> RigidFit:
    """Register an image of the same head to the T1w by mutual information (Mattes et al. 2003).

    It is done in both directions; their disagreement tells whether it found the one good fit.
    """
    ants = reproducible_ants(seed)
    images = [to_ants(_head_grid(volume)) for volume in (moving, t1w)]
    forward = _rigid(ants, *images)
    backward = _rigid(ants, *images[::-1])
    head_mm = _sampled_head(t1w)
    there_and_back = apply_affine(forward @ backward, head_mm)
    turn = np.clip((np.trace(forward[:3, :3]) - 1) / 2, -1, 1)
    centre_mm = head_mm.mean(0)
    came_from = apply_affine(np.linalg.inv(forward), centre_mm[None])[0]
    return RigidFit(
        forward,
        float(np.linalg.norm(there_and_back - head_mm, axis=1).max()),
        float(np.degrees(np.arccos(turn))),
        float(np.linalg.norm(came_from - centre_mm)),
    )


def _rigid(ants, moving, fixed) -> np.ndarray:
    """Matrix (4, 4) in RAS from `moving` to `fixed`."""
    with tempfile.TemporaryDirectory(prefix="spikefocus_") as folder:
        try:
            result = ants.registration(
                fixed,
                moving,
                type_of_transform="Rigid",
                aff_metric="mattes",
                aff_random_sampling_rate=1.0,
                outprefix=f"{folder}/",
            )
        except RuntimeError as error:
            raise InvalidInput(
                "an image of the patient cannot be registered to the T1w",
                hint="look whether it shows this head",
            ) from error
        return affine_of(ants, result["invtransforms"][0])


def _head_grid(volume: Volume) -> Volume:
    """The whole image on a grid along the scanner's axes, its lowest values at 0.

    What is brighter than nearly all voxels, such as metal, would squeeze all tissue into one bin.
    """
    low, high = np.percentile(volume.data, PERCENTILES)
    lifted = Volume(np.clip(volume.data - low, 0, high - low), volume.affine)
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in volume.data.shape])).reshape(3, -1).T
    corners_mm = apply_affine(volume.affine, corners.astype(float))
    return resample(lifted, SPACING_MM, corners_mm.min(0), corners_mm.max(0))


def _sampled_head(t1w: Volume) -> np.ndarray:
    """A few thousand points (n, 3) of the head."""
    inside = np.argwhere(t1w.data > t1w.data.mean())
    return apply_affine(t1w.affine, inside[:: max(1, len(inside) // 4000)].astype(float))
