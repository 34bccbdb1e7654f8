"""What can be told of left and right: the digitised head points, held against the scalp and its mirror image.

A head that its header mirrors looks like a head. Only its own asymmetry gives it away: points that
were digitised on the true head fit the mirror image of its scalp worse. Where both fit alike,
nothing is proven, and that is said.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from pipeline.doubts import Doubt
from pipeline.headmodel.coregistration import (
    CARRIED_SD_MM,
    MIN_HEAD_POINTS,
    fit_points_to_surface,
)
from pipeline.headmodel.meshes import surface_points
from pipeline.records.headmodel_qc import SideQC
from pipeline.template.cortex import vertex_normals
from pipeline.warp import apply_affine

# Of the mean difference of the squared distances, in its standard errors, and of the larger residual
# over the smaller: neighbouring points err alike, so that the first alone would be too sure.
MIN_STANDARD_ERRORS = 3.0
MIN_RATIO = 1.1
MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])
_EXCHANGED = {"nasion": "nasion", "lpa": "rpa", "rpa": "lpa"}


@dataclass(frozen=True)
class Trial:
    """How the check did on heads of which it is known whether they are mirrored.

    `benchmarks/mirror.py` digitises seven heads, four real people's and three virtual ones, several
    times with errors of 1 to 3 mm, and shows each as it is and mirrored, `n` times each.
    """

    points: tuple[int, int]
    n: int
    noticed: int
    missed: int
    doubted: int

    @property
    def sentence(self) -> str:
        return (
            f"in trials on seven heads with {self.points[0]} or {self.points[1]} points it noticed "
            f"{self.noticed} of {self.n} mirrored heads, took {self.missed} for right ones, and "
            f"doubted {self.doubted} of {self.n} right ones"
        )


# From the most points down.
TRIALS = (Trial((100, 150), 224, 103, 0, 0), Trial((MIN_HEAD_POINTS, 50), 224, 20, 0, 0))


@dataclass(frozen=True)
class SideCheck:
    """Residuals of the head points on the scalp and on its mirror image.

    Attributes
    ----------
    n_points : int
    rms_mm, mirrored_rms_mm : float or None
        None where there are too few points.
    standard_errors : float or None
        Of the mean difference of the squared distances; positive where the scalp itself fits better.
    """

    n_points: int
    rms_mm: float | None = None
    mirrored_rms_mm: float | None = None
    standard_errors: float | None = None

    @property
    def agrees(self) -> bool | None:
        """Whether left and right of digitisation and T1w are the same; None if not decidable."""
        if self.standard_errors is None or self.rms_mm is None or self.mirrored_rms_mm is None:
            return None
        larger, smaller = sorted((self.rms_mm, self.mirrored_rms_mm), reverse=True)
        if abs(self.standard_errors) < MIN_STANDARD_ERRORS or larger < MIN_RATIO * smaller:
            return None
        return self.standard_errors > 0

    @property
    def sentence(self) -> str:
        if self.standard_errors is None:
            return (
                f"Left and right by the head points: not checked with fewer than {MIN_HEAD_POINTS}"
            )
        residuals = (
            f"{self.n_points} head points lie {self.rms_mm:.1f} mm (rms) from the scalp and "
            f"{self.mirrored_rms_mm:.1f} mm from its mirror image"
        )
        verdict = {
            True: "the digitisation and the T1w agree",
            False: "they contradict each other",
            None: "not decidable, since these points fit both alike",
        }
        trial = next(each for each in TRIALS if self.n_points >= each.points[0])
        return (
            f"Left and right by the head points: {verdict[self.agrees]} ({residuals}; "
            f"{trial.sentence})"
        )

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        if self.agrees is not False:
            return ()
        text = (
            f"the head points fit the mirror image of the scalp ({self.mirrored_rms_mm:.1f} mm rms) "
            f"better than the scalp itself ({self.rms_mm:.1f} mm): the T1w or the digitisation may "
            "be mirrored, so that left and right may be exchanged"
        )
        return (Doubt(text, grave=True),)

    @property
    def qc(self) -> SideQC:
        values = (self.rms_mm, self.mirrored_rms_mm, self.standard_errors)
        rms_mm, mirrored_rms_mm, errors = (
            None if value is None else round(value, 2) for value in values
        )
        return SideQC(
            side_check_rms_mm=rms_mm,
            side_check_mirrored_rms_mm=mirrored_rms_mm,
            side_check_standard_errors=errors,
        )


def check_side(
    head_to_mri_mm: np.ndarray,
    landmarks_head_m: dict[str, np.ndarray],
    head_points_head_m: np.ndarray,
    landmarks_mri_mm: dict[str, np.ndarray],
    scalp_mri_mm: np.ndarray,
    scalp_faces: np.ndarray,
    max_head_point_mm: float,
) -> SideCheck:
    """Fit the head points, and their mirror image, to the scalp, and compare what remains.

    Points mirrored at the head frame's sagittal plane on the scalp are the points on the mirrored
    scalp. The landmarks count as little as a template's in both fits: the scalp is to decide.

    Parameters
    ----------
    head_to_mri_mm : ndarray, (4, 4)
        The co-registration, from which both fits start.
    landmarks_head_m, landmarks_mri_mm : dict of str to ndarray (3,)
    head_points_head_m : ndarray, (n, 3)
    scalp_mri_mm, scalp_faces : ndarray
    max_head_point_mm : float
        No point counts for more than this distance.
    """
    n_points = len(head_points_head_m)
    if n_points < MIN_HEAD_POINTS:
        return SideCheck(n_points)
    normals = vertex_normals(scalp_mri_mm, scalp_faces)
    tree = cKDTree(surface_points(scalp_mri_mm, scalp_faces, 2))
    names = list(landmarks_head_m)
    targets_mm = np.array([landmarks_mri_mm[name] for name in names])
    squared_mm2 = []
    for exchange, frame in (
        (dict(zip(names, names, strict=True)), np.eye(4)),
        (_EXCHANGED, MIRROR),
    ):
        points_mm = apply_affine(frame, 1000 * head_points_head_m)
        marks_mm = 1000 * np.array([landmarks_head_m[exchange[name]] for name in names])
        motion = fit_points_to_surface(
            head_to_mri_mm,
            points_mm,
            scalp_mri_mm,
            normals,
            apply_affine(frame, marks_mm),
            targets_mm,
            CARRIED_SD_MM,
        )
        distance_mm = tree.query(apply_affine(motion, points_mm))[0]
        squared_mm2.append(np.minimum(distance_mm, max_head_point_mm) ** 2)
    own, mirrored = squared_mm2
    gain = mirrored - own
    error = max(float(gain.std(ddof=1)) / np.sqrt(n_points), np.finfo(float).tiny)
    return SideCheck(
        n_points,
        float(np.sqrt(own.mean())),
        float(np.sqrt(mirrored.mean())),
        float(gain.mean() / error),
    )
