"""Where the helmet was: head frame to scanner RAS from landmarks and digitised points."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
from mne.coreg import Coregistration, fit_matched_points
from mne.io.constants import FIFF
from mne.transforms import rotation

from pipeline.errors import InvalidInput
from pipeline.headmodel.landmarks import LANDMARKS
from pipeline.headmodel.meshes import distance_to_surface_mm
from pipeline.headmodel.registration import apply_affine

SUBJECT = "patient"
MIN_HEAD_POINTS = 20
N_ITERATIONS = 60
# Against 1 for a head point. Landmarks that were carried from a template only start the fit; marked
# ones hold it, the nasion most, because the ear canals' entrance is marked less surely.
MARKED = {"lpa": 1.0, "nasion": 5.0, "rpa": 1.0}
CARRIED = {"lpa": 0.05, "nasion": 0.05, "rpa": 0.05}
# A nod or a turn by this much around the start is tried where the first fit is poor.
RESTART_ANGLES_RAD = np.deg2rad((-15.0, 15.0))
POOR_MEDIAN_MM = 4.0
# Beyond these two a helmet would sit on a head as none does: the frames were confused.
MAX_TILT_DEG = 75.0
MAX_MEDIAN_MM = 15.0


@dataclass(frozen=True)
class Placement:
    """How the head frame lies in the MRI, and how well that fits.

    Attributes
    ----------
    head_to_mri : mne.Transform
        MRI is scanner RAS in m.
    landmark_distance_mm : dict of str to float
        Between digitised and MRI landmark.
    head_point_distance_mm : ndarray, (n,)
        Of every digitised head point from the scalp, also those left out of the fit.
    used : ndarray of bool, (n,)
        Which of them the fit used.
    """

    head_to_mri: mne.Transform
    landmark_distance_mm: dict[str, float]
    head_point_distance_mm: np.ndarray
    used: np.ndarray


def digitised_points_head_m(info: mne.Info, file: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Landmarks by name and head points (n, 3) of a recording, in its head frame.

    EEG electrodes count as head points: they too were digitised on the scalp.

    Raises
    ------
    InvalidInput
        There are no landmarks, or the position of the helmet is not known.
    """
    ident = {
        FIFF.FIFFV_POINT_NASION: "nasion",
        FIFF.FIFFV_POINT_LPA: "lpa",
        FIFF.FIFFV_POINT_RPA: "rpa",
    }
    landmarks, head_points = {}, []
    for point in info["dig"] or ():
        if point["coord_frame"] != FIFF.FIFFV_COORD_HEAD:
            continue
        if point["kind"] == FIFF.FIFFV_POINT_CARDINAL:
            landmarks[ident[int(point["ident"])]] = np.array(point["r"], float)
        elif point["kind"] in (FIFF.FIFFV_POINT_EXTRA, FIFF.FIFFV_POINT_EEG):
            head_points.append(point["r"])
    if set(landmarks) != set(LANDMARKS):
        raise InvalidInput(
            "the MEG recording holds no digitised landmarks"
            + (" and no head points" if not head_points else ""),
            file=file,
            hint="add the digitisation (nasion, LPA, RPA and head points) to the recording",
        )
    if info["dev_head_t"] is None:
        raise InvalidInput(
            "the MEG recording does not say where the head was in the helmet",
            file=file,
            hint="give a recording with its head position measurement",
        )
    return landmarks, np.array(head_points, float).reshape(-1, 3)


def coregister(
    landmarks_head_m: dict[str, np.ndarray],
    head_points_head_m: np.ndarray,
    landmarks_mri_mm: dict[str, np.ndarray],
    marked: bool,
    scalp_mri_mm: np.ndarray,
    scalp_faces: np.ndarray,
    max_head_point_mm: float,
    file: Path,
) -> Placement:
    """Fit landmarks, then head points to the scalp (iterative closest points, outliers left out).

    Parameters
    ----------
    landmarks_head_m, landmarks_mri_mm : dict of str to ndarray (3,)
    head_points_head_m : ndarray, (n, 3)
    marked : bool
        The MRI landmarks were marked in this image; False if a template's were carried to it.
    scalp_mri_mm, scalp_faces : ndarray
    max_head_point_mm : float
        Points further from the scalp after a first fit are left out of the second one.
    file : Path
        Named in the error.

    Returns
    -------
    Placement

    Raises
    ------
    InvalidInput
        The digitised points do not fit this head at all.
    """
    names = list(landmarks_head_m)
    head_m = np.array([landmarks_head_m[name] for name in names])
    mri_m = np.array([landmarks_mri_mm[name] for name in names]) / 1000
    weights = {f"{name}_weight": (MARKED if marked else CARRIED)[name] for name in names}
    start = fit_matched_points(mri_m, head_m, weights=[MARKED[name] for name in names])
    used = np.ones(len(head_points_head_m), bool)
    head_to_mri = start
    if len(used) >= MIN_HEAD_POINTS:
        surface = (scalp_mri_mm, scalp_faces)

        def fit(first, chosen):
            moved = apply_affine(first, np.vstack([head_m, head_points_head_m[chosen]]))
            correction = _closest_points(moved[:3], moved[3:], names, mri_m, weights, surface)
            final = correction @ first
            far = distance_to_surface_mm(1000 * apply_affine(final, head_points_head_m), *surface)
            return final, far

        head_to_mri, distance_mm = fit(start, used)
        if np.median(distance_mm) > POOR_MEDIAN_MM:
            tried = [fit(start @ turn, used) for turn in _turns(head_m.mean(0))]
            head_to_mri, distance_mm = min(
                [(head_to_mri, distance_mm), *tried], key=lambda one: np.median(one[1])
            )
        used = distance_mm <= max(max_head_point_mm, 2 * np.median(distance_mm))
        head_to_mri, distance_mm = fit(head_to_mri, used)
    else:
        moved_mm = 1000 * apply_affine(start, head_points_head_m)
        distance_mm = distance_to_surface_mm(moved_mm, scalp_mri_mm, scalp_faces)
        used[:] = False
    _check_plausible(head_to_mri, distance_mm, file)
    landmark_mm = 1000 * np.linalg.norm(apply_affine(head_to_mri, head_m) - mri_m, axis=1)
    return Placement(
        mne.Transform("head", "mri", head_to_mri),
        dict(zip(names, map(float, landmark_mm), strict=True)),
        distance_mm,
        used,
    )


def _closest_points(landmarks_m, points_m, names, landmarks_mri_m, weights, surface) -> np.ndarray:
    """Small motion (4, 4) in m that brings points, already near their place, onto the scalp."""
    dig = mne.channels.make_dig_montage(
        **dict(zip(names, landmarks_m, strict=True)), hsp=points_m, coord_frame="head"
    )
    fiducials = mne.channels.make_dig_montage(
        **dict(zip(names, landmarks_mri_m, strict=True)), coord_frame="mri"
    )
    info = mne.create_info(1, 1.0, "mag")
    with info._unlock():
        info["dig"] = dig.dig
    with tempfile.TemporaryDirectory(prefix="spikefocus_") as folder:
        bem = Path(folder) / SUBJECT / "bem"
        bem.mkdir(parents=True)
        for name in (f"{SUBJECT}-head.fif", f"{SUBJECT}-head-dense.fif"):
            pos_mm, faces = surface
            mne.write_head_bem(bem / name, pos_mm / 1000, faces, verbose="error")
        fit = Coregistration(info, SUBJECT, folder, fiducials=fiducials.dig)
    fit.set_fid_match("matched")
    fit.fit_icp(n_iterations=N_ITERATIONS, **weights, verbose="error")
    return fit.trans["trans"]


def _turns(pivot_m: np.ndarray) -> list[np.ndarray]:
    """Rotations (4, 4) about each axis through a point, by each of the restart angles."""
    turns = []
    for axis in range(3):
        for angle in RESTART_ANGLES_RAD:
            angles = np.zeros(3)
            angles[axis] = angle
            turn = rotation(*angles)
            turn[:3, 3] = pivot_m - turn[:3, :3] @ pivot_m
            turns.append(turn)
    return turns


def _check_plausible(head_to_mri: np.ndarray, distance_mm: np.ndarray, file: Path) -> None:
    cosine = (np.trace(head_to_mri[:3, :3]) - 1) / 2
    tilt_deg = np.rad2deg(np.arccos(np.clip(cosine, -1, 1)))
    if tilt_deg > MAX_TILT_DEG:
        raise InvalidInput(
            f"the landmarks of MEG and T1w differ by a turn of {tilt_deg:.0f} degrees",
            file=file,
            hint="check which landmark is nasion, left and right in both",
        )
    if len(distance_mm) and np.median(distance_mm) > MAX_MEDIAN_MM:
        raise InvalidInput(
            f"the digitised head points lie {np.median(distance_mm):.0f} mm from the scalp in the median",
            file=file,
            hint="check that recording and T1w are of the same person and the points' unit",
        )
