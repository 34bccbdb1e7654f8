"""Where the helmet was: head frame to scanner RAS from landmarks and digitised points."""

from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
from mne.transforms import rotation
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from pipeline.errors import InvalidInput
from pipeline.headmodel.meshes import surface_points
from pipeline.template.cortex import vertex_normals
from pipeline.warp import apply_affine

MIN_HEAD_POINTS = 20
N_ITERATIONS = 100
# Digitised points scatter by about this much about the scalp, marked landmarks about each other;
# landmarks carried from a template lie a centimetre off and mainly start the fit.
HEAD_POINT_SD_MM = 2.0
MARKED_SD_MM = 3.0
CARRIED_SD_MM = 10.0
# Where points are missing in front, landmarks have to keep the head from nodding.
CARRIED_LOST_SD_MM = 5.0
# A nod or a turn by this much around the start is tried where the first fit is poor.
RESTART_ANGLES_RAD = np.deg2rad((-15.0, 15.0))
POOR_MEDIAN_MM = 4.0
# Beyond these two a helmet would sit on a head as none does: the frames were confused.
MAX_TILT_DEG = 75.0
MAX_MEDIAN_MM = 15.0
# A cut begins at the skin, so that points beside it fit well and are wrong.
BESIDE_LOST_MM = 12.0
# As long as landmarks alone say where the points are, only those far from it are safe.
FAR_FROM_LOST_MM = 40.0
N_DRAWS = 20
NONE_LOST = np.empty((0, 3))


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
    beyond : ndarray of bool, (n,)
        Which of them lie where the image has lost the skin (see `LostSkin`).
    """

    head_to_mri: mne.Transform
    landmark_distance_mm: dict[str, float]
    head_point_distance_mm: np.ndarray
    used: np.ndarray
    beyond: np.ndarray

    @property
    def distance_on_skin_mm(self) -> np.ndarray:
        """Distances of the head points that lie where the image has skin."""
        return self.head_point_distance_mm[~self.beyond]

    @property
    def head_to_mri_mm(self) -> np.ndarray:
        """The matrix (4, 4) of `head_to_mri` for positions in mm."""
        motion = self.head_to_mri["trans"].copy()
        motion[:3, 3] *= 1000
        return motion

    def check_plausible(self, file: Path) -> None:
        """Refuse, naming a file, a helmet that would sit on the head as none does."""
        cosine = (np.trace(self.head_to_mri["trans"][:3, :3]) - 1) / 2
        tilt_deg = np.rad2deg(np.arccos(np.clip(cosine, -1, 1)))
        if tilt_deg > MAX_TILT_DEG:
            raise InvalidInput(
                f"the landmarks of recording and T1w differ by a turn of {tilt_deg:.0f} degrees",
                file=file,
                hint="check which landmark is nasion, left and right in both",
            )
        if not len(self.distance_on_skin_mm):
            return
        median_mm = np.median(self.distance_on_skin_mm)
        if median_mm > MAX_MEDIAN_MM:
            raise InvalidInput(
                f"the digitised head points lie {median_mm:.0f} mm from the scalp in the median",
                file=file,
                hint="check that recording and T1w are of the same person and the points' unit",
            )


def coregister(
    landmarks_head_m: dict[str, np.ndarray],
    head_points_head_m: np.ndarray,
    landmarks_mri_mm: dict[str, np.ndarray],
    marked: bool,
    scalp_mri_mm: np.ndarray,
    scalp_faces: np.ndarray,
    max_head_point_mm: float,
    file: Path,
    lost_skin_mri_mm: np.ndarray = NONE_LOST,
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
    lost_skin_mri_mm : ndarray, (m, 3)
        Points that lie nearer to these than to the scalp, or beside these, are left out.

    Returns
    -------
    Placement

    Raises
    ------
    InvalidInput
        The digitised points do not fit this head at all.
    """
    names = list(landmarks_head_m)
    marks_mm = 1000 * np.array([landmarks_head_m[name] for name in names])
    marks_mri_mm = np.array([landmarks_mri_mm[name] for name in names])
    points_mm = 1000 * head_points_head_m
    normals = vertex_normals(scalp_mri_mm, scalp_faces)
    tree = cKDTree(surface_points(scalp_mri_mm, scalp_faces, 2))

    def distance_mm(motion):
        return tree.query(apply_affine(motion, points_mm))[0]

    def median_mm(motion):
        return np.median(distance_mm(motion)[used])

    def fit(first, chosen):
        return fit_points_to_surface(
            first, points_mm[chosen], scalp_mri_mm, normals, marks_mm, marks_mri_mm, sd_mm
        )

    def on_skin(motion, beside_mm=BESIDE_LOST_MM):
        return ~_beyond(apply_affine(motion, points_mm), tree, lost_skin_mri_mm, beside_mm)

    motion = rigid_fit(marks_mm, marks_mri_mm)
    used = on_skin(motion)
    sd_mm = _landmark_sd_mm(marked, used.all())
    if not used.all():
        far = on_skin(motion, FAR_FROM_LOST_MM)
        used = far if far.sum() >= MIN_HEAD_POINTS else used
    enough = used.sum() >= MIN_HEAD_POINTS
    used &= enough
    if enough:
        starts = [motion] + [motion @ turn for turn in _turns(marks_mm.mean(0))]
        motion = fit(starts[0], used)
        if median_mm(motion) > POOR_MEDIAN_MM:
            tried = [motion] + [fit(start, used) for start in starts[1:]]
            motion = min(tried, key=median_mm)
        used = distance_mm(motion) <= max(max_head_point_mm, 2 * median_mm(motion))
        used &= on_skin(motion)
        motion = fit(motion, used)
    digitised, scalp = (landmarks_head_m, head_points_head_m), (scalp_mri_mm, scalp_faces)
    placement = place(motion, *digitised, landmarks_mri_mm, *scalp, used, lost_skin_mri_mm)
    placement.check_plausible(file)
    return placement


def resampled(
    placement: Placement,
    landmarks_head_m: dict[str, np.ndarray],
    head_points_head_m: np.ndarray,
    landmarks_mri_mm: dict[str, np.ndarray],
    marked: bool,
    scalp_mri_mm: np.ndarray,
    scalp_faces: np.ndarray,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Motions (4, 4) fitted to the points used, drawn anew with replacement (see `coregister`)."""
    names = list(landmarks_head_m)
    normals = vertex_normals(scalp_mri_mm, scalp_faces)
    used = np.flatnonzero(placement.used)
    return [
        fit_points_to_surface(
            placement.head_to_mri_mm,
            1000 * head_points_head_m[rng.choice(used, len(used))],
            scalp_mri_mm,
            normals,
            1000 * np.array([landmarks_head_m[name] for name in names]),
            np.array([landmarks_mri_mm[name] for name in names]),
            _landmark_sd_mm(marked, not placement.beyond.any()),
        )
        for _ in range(N_DRAWS)
    ]


def place(
    head_to_mri_mm: np.ndarray,
    landmarks_head_m: dict[str, np.ndarray],
    head_points_head_m: np.ndarray,
    landmarks_mri_mm: dict[str, np.ndarray],
    scalp_mri_mm: np.ndarray,
    scalp_faces: np.ndarray,
    used: np.ndarray | None = None,
    lost_skin_mri_mm: np.ndarray = NONE_LOST,
) -> Placement:
    """Measure how a motion (4, 4) places landmarks and head points; `used` is None for all."""
    names = list(landmarks_head_m)
    marks_mm = 1000 * np.array([landmarks_head_m[name] for name in names])
    marks_mri_mm = np.array([landmarks_mri_mm[name] for name in names])
    landmark_mm = np.linalg.norm(apply_affine(head_to_mri_mm, marks_mm) - marks_mri_mm, axis=1)
    tree = cKDTree(surface_points(scalp_mri_mm, scalp_faces, 2))
    points_mri_mm = apply_affine(head_to_mri_mm, 1000 * head_points_head_m)
    far_mm = tree.query(points_mri_mm)[0]
    beyond = _beyond(points_mri_mm, tree, lost_skin_mri_mm)
    head_to_mri = head_to_mri_mm.copy()
    head_to_mri[:3, 3] /= 1000
    return Placement(
        mne.Transform("head", "mri", head_to_mri),
        dict(zip(names, map(float, landmark_mm), strict=True)),
        far_mm,
        ~beyond if used is None else used,
        beyond if used is None else beyond & ~used,
    )


def _landmark_sd_mm(marked: bool, all_on_skin: bool) -> float:
    if marked:
        return MARKED_SD_MM
    return CARRIED_SD_MM if all_on_skin else CARRIED_LOST_SD_MM


def _beyond(
    points_mri_mm: np.ndarray,
    scalp: cKDTree,
    lost_skin_mri_mm: np.ndarray,
    beside_mm: float = BESIDE_LOST_MM,
) -> np.ndarray:
    """Which points (n, 3) lie nearer to skin that the image lost than to what it has, or beside it."""
    lost_mm = cKDTree(lost_skin_mri_mm).query(points_mri_mm)[0]
    return lost_mm < np.maximum(scalp.query(points_mri_mm)[0], beside_mm)


def rigid_fit(from_mm: np.ndarray, to_mm: np.ndarray) -> np.ndarray:
    """Rotation and translation (4, 4) that carry points (n, 3) closest to others (Kabsch 1976)."""
    from_centre, to_centre = from_mm.mean(0), to_mm.mean(0)
    turn, _ = Rotation.align_vectors(to_mm - to_centre, from_mm - from_centre)
    motion = np.eye(4)
    motion[:3, :3] = turn.as_matrix()
    motion[:3, 3] = to_centre - motion[:3, :3] @ from_centre
    return motion


def fit_points_to_surface(
    start: np.ndarray,
    points_mm: np.ndarray,
    surface_mm: np.ndarray,
    surface_normals: np.ndarray,
    landmarks_mm: np.ndarray,
    landmarks_mri_mm: np.ndarray,
    landmark_sd_mm: float,
) -> np.ndarray:
    """Iterative closest points with point-to-plane distances (Chen & Medioni 1991).

    Distances along the surface's normal let points slide, so that a smooth scalp is matched in
    few steps; with point-to-point distances, as in `mne.coreg.Coregistration`, the fit stops
    where it started, give or take a degree.

    Parameters
    ----------
    start : ndarray, (4, 4)
        From the points' frame to the surface's, mm.
    points_mm : ndarray, (n, 3)
    surface_mm, surface_normals : ndarray, (m, 3)
    landmarks_mm, landmarks_mri_mm : ndarray, (3, 3)
        In the two frames.
    landmark_sd_mm : float
        How well a landmark is known in each direction.

    Returns
    -------
    ndarray, (4, 4)
    """
    tree = cKDTree(surface_mm)
    motion = start
    for _ in range(N_ITERATIONS):
        points, marks = apply_affine(motion, points_mm), apply_affine(motion, landmarks_mm)
        nearest = tree.query(points)[1]
        normal = surface_normals[nearest]
        off_mm = np.einsum("ij,ij->i", points - surface_mm[nearest], normal)
        # Huber's weights: a point far off (hair, a slipped stylus) pulls no harder than a near one.
        weight = HEAD_POINT_SD_MM / np.maximum(np.abs(off_mm), HEAD_POINT_SD_MM)
        row_weight = np.sqrt(weight) / HEAD_POINT_SD_MM
        pivot = points.mean(0)
        rows = np.hstack([np.cross(points - pivot, normal), normal]) * row_weight[:, None]
        mark_rows = np.vstack([_motion_rows(mark - pivot) for mark in marks]) / landmark_sd_mm
        misfit = np.concatenate(
            [off_mm * row_weight, (marks - landmarks_mri_mm).ravel() / landmark_sd_mm]
        )
        step = np.linalg.lstsq(np.vstack([rows, mark_rows]), -misfit, rcond=None)[0]
        turn = np.eye(4)
        turn[:3, :3] = Rotation.from_rotvec(step[:3]).as_matrix()
        turn[:3, 3] = pivot + step[3:] - turn[:3, :3] @ pivot
        motion = turn @ motion
        if np.abs(step[:3]).max() < 1e-5 and np.abs(step[3:]).max() < 1e-3:
            break
    return motion


def _motion_rows(arm: np.ndarray) -> np.ndarray:
    """How a point at `arm` from the pivot moves (3, 6) with a small rotation and a translation."""
    x, y, z = arm
    return np.array([[0, z, -y, 1, 0, 0], [-z, 0, x, 0, 1, 0], [y, -x, 0, 0, 0, 1]])


def _turns(pivot_mm: np.ndarray) -> list[np.ndarray]:
    """Rotations (4, 4) about each axis through a point, by each of the restart angles."""
    turns = []
    for axis in range(3):
        for angle in RESTART_ANGLES_RAD:
            angles = np.zeros(3)
            angles[axis] = angle
            turn = rotation(*angles)
            turn[:3, 3] = pivot_mm - turn[:3, :3] @ pivot_mm
            turns.append(turn)
    return turns
