"""A co-registration that somebody has checked, read from a FIF transform (``*_trans.fif``)."""

from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
from mne.io.constants import FIFF

from pipeline.errors import InvalidInput
from pipeline.headmodel.freesurfer import surface_to_scanner
from pipeline.warp import apply_affine

HEAD, SURFACE_RAS, SCANNER_RAS = (
    int(frame) for frame in (FIFF.FIFFV_COORD_HEAD, FIFF.FIFFV_COORD_MRI, FIFF.FIFFV_MNE_COORD_RAS)
)
FRAME_NAMES = {
    HEAD: "head",
    SURFACE_RAS: "MRI (surface RAS)",
    SCANNER_RAS: "scanner RAS",
    int(FIFF.FIFFV_COORD_DEVICE): "device",
    int(FIFF.FIFFV_COORD_UNKNOWN): "unknown",
}
MAX_SHIFT_M = 0.5
RIGID_TOLERANCE = 1e-3
# Of one reading over the other, by the distance of head points or landmarks: less decides nothing.
CLEAR_MM = 2.0


@dataclass(frozen=True)
class HeadToMri:
    """A transform as stored, turned so that it leaves the head frame.

    Attributes
    ----------
    matrix_mm : ndarray, (4, 4)
    to_frame : int
        `SURFACE_RAS` or `SCANNER_RAS`.
    """

    matrix_mm: np.ndarray
    to_frame: int


@dataclass(frozen=True, eq=False)
class Reading:
    """One way to understand where a transform leads to.

    Attributes
    ----------
    head_to_mri_mm : ndarray, (4, 4)
        To the T1w's scanner RAS.
    name : str
        As which frame it was read.
    """

    head_to_mri_mm: np.ndarray
    name: str


def read_head_to_mri(file: Path) -> HeadToMri:
    """Read a transform between the head frame and an MRI's, in either direction.

    Raises
    ------
    InvalidInput
        No FIF file with one such transform, or no rigid motion of a plausible size.
    """
    try:
        stored = mne.read_trans(file, return_all=True, verbose="error")
    except Exception as error:  # a corrupt file makes mne raise anything
        raise InvalidInput(
            "the co-registration is not a readable FIF transform",
            file=file,
            hint="save it again, for example with mne coreg",
        ) from error
    found = [one for one in map(_leaving_head, stored) if one is not None]
    if not found:
        first = [FRAME_NAMES.get(int(stored[0][end]), "another") for end in ("from", "to")]
        raise InvalidInput(
            f"the transform leads from {first[0]} to {first[1]}, not from head to MRI",
            file=file,
            hint="give the transform that mne coreg saves",
        )
    _check_rigid(found[0].matrix_mm, file)
    if any(not np.allclose(one.matrix_mm, found[0].matrix_mm, atol=1e-3) for one in found):
        raise InvalidInput(
            "the file holds several co-registrations", file=file, hint="save one of them alone"
        )
    return found[0]


def _leaving_head(trans: mne.Transform) -> HeadToMri | None:
    ends = int(trans["from"]), int(trans["to"])
    matrix = np.array(trans["trans"], float)
    if HEAD not in ends or not {SURFACE_RAS, SCANNER_RAS} & set(ends):
        return None
    if ends[1] == HEAD:
        if np.linalg.det(matrix) == 0:
            return None
        ends, matrix = ends[::-1], np.linalg.inv(matrix)
    matrix[:3, 3] *= 1000
    return HeadToMri(matrix, ends[1])


def _check_rigid(matrix_mm: np.ndarray, file: Path) -> None:
    turn = matrix_mm[:3, :3]
    rigid = np.isfinite(matrix_mm).all() and np.allclose(
        turn @ turn.T, np.eye(3), atol=RIGID_TOLERANCE
    )
    if not rigid:
        why, hint = "is no rigid motion", "a head is not scaled to fit: co-register to its own MRI"
    elif np.linalg.det(turn) < 0:
        why, hint = "exchanges left and right", "co-register again"
    elif np.linalg.norm(matrix_mm[:3, 3]) > 1000 * MAX_SHIFT_M:
        why, hint = f"shifts by more than {MAX_SHIFT_M} m", "save it in metres, as mne does"
    else:
        return
    raise InvalidInput(f"the transform {why}", file=file, hint=hint)


def readings(
    given: HeadToMri, t1w_affine: np.ndarray, t1w_shape: tuple, freesurfer_dir: Path | None
) -> list[Reading]:
    """How a transform may be meant, mne's convention first.

    mne means FreeSurfer's surface RAS. Its origin is the centre of FreeSurfer's image; recon-all puts
    that where the centre of the T1w is, so that it is known without FreeSurfer, too, as long as
    the T1w was given to it alone. This product's own transforms mean the T1w's scanner RAS.
    """
    in_scanner_ras = Reading(given.matrix_mm, "scanner RAS of the T1w")
    if given.to_frame == SCANNER_RAS:
        return [in_scanner_ras]
    if freesurfer_dir is not None:
        to_scanner, name = surface_to_scanner(freesurfer_dir), "FreeSurfer's surface RAS"
    else:
        to_scanner = np.eye(4)
        to_scanner[:3, 3] = apply_affine(t1w_affine, np.array(t1w_shape[:3], float)[None] / 2)[0]
        name = "surface RAS that FreeSurfer would give this T1w"
    return [Reading(to_scanner @ given.matrix_mm, name), in_scanner_ras]


def choose_reading(
    ways: list[Reading], distance_mm: list[float] | None, known_frame: bool, file: Path
) -> Reading:
    """The reading that the digitised points bear out.

    Parameters
    ----------
    ways : list of Reading
        The conventional one first.
    distance_mm : list of float, or None
        Of head points from the scalp, or of landmarks from those marked, for each; None where
        neither is there to judge by.
    known_frame : bool
        Whether the conventional frame is known for certain (there is FreeSurfer's image).

    Raises
    ------
    InvalidInput
        It cannot be told which frame is meant.
    """
    first, *others = ways
    apart_mm = [
        np.linalg.norm((one.head_to_mri_mm - first.head_to_mri_mm)[:3, 3]) for one in others
    ]
    if not others or max(apart_mm) <= CLEAR_MM:
        return first
    if distance_mm is None:
        gain_mm = 0.0
    else:
        gain_mm = distance_mm[0] - distance_mm[1]
    if gain_mm > CLEAR_MM:
        return others[0]
    if known_frame or gain_mm < -CLEAR_MM:
        return first
    raise InvalidInput(
        f"it cannot be told whether the transform means the {first.name} or the {others[0].name}, "
        f"{max(apart_mm):.0f} mm apart",
        file=file,
        hint="give the FreeSurfer derivatives that it was made with",
    )
