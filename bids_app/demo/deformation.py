"""The smooth random map that turns the phantom into one patient's head."""

from dataclasses import dataclass

import numpy as np
from mne.transforms import apply_trans, rotation
from scipy.ndimage import gaussian_filter, map_coordinates, spline_filter

# Control points of the displacement, in MNI152; wide enough to hold the head with its neck.
CONTROL_ORIGIN_MM = np.array([-150.0, -180.0, -200.0])
CONTROL_STEP_MM = 10.0
CONTROL_SHAPE = (31, 36, 35)
SMOOTHNESS_MM = 28.0
MAX_FIXED_POINT_STEPS = 30
INVERSE_TOLERANCE_MM = 1e-3
# MNI152 is larger than most heads: individuals are drawn around 94 % of its size.
MEAN_SIZE = 0.94


@dataclass(frozen=True)
class Deformation:
    """MNI152 to one patient's scanner RAS: y = affine(x + u(x)), mm.

    Attributes
    ----------
    affine : ndarray, (4, 4)
        Size and position in the scanner.
    control_mm : ndarray, (3, *CONTROL_SHAPE)
        Cubic B-spline coefficients of u.
    """

    affine: np.ndarray
    control_mm: np.ndarray

    def displacement_mm(self, mni152_mm: np.ndarray) -> np.ndarray:
        index = np.moveaxis((mni152_mm - CONTROL_ORIGIN_MM) / CONTROL_STEP_MM, -1, 0)
        return np.stack(
            [
                map_coordinates(axis, index, order=3, mode="nearest", prefilter=False)
                for axis in self.control_mm
            ],
            axis=-1,
        )

    def to_patient(self, mni152_mm: np.ndarray) -> np.ndarray:
        """Carry points (n, 3) from MNI152 to the patient's scanner RAS."""
        return apply_trans(self.affine, mni152_mm + self.displacement_mm(mni152_mm))

    def to_mni152(self, patient_mm: np.ndarray) -> np.ndarray:
        """Carry points (n, 3) back; the fixed-point iteration contracts, as `draw` makes sure."""
        target = apply_trans(np.linalg.inv(self.affine), patient_mm)
        points = target.copy()
        for _ in range(MAX_FIXED_POINT_STEPS):
            previous, points = points, target - self.displacement_mm(points)
            if abs(points - previous).max() < INVERSE_TOLERANCE_MM:
                break
        return points


def draw_deformation(rng: np.random.Generator, displacement_mm: float) -> Deformation:
    """Draw a head size, a position in the scanner and a diffeomorphic displacement.

    Parameters
    ----------
    rng : numpy.random.Generator
    displacement_mm : float
        95th percentile of the displacement's length within the head.
    """
    noise = rng.standard_normal((3, *CONTROL_SHAPE))
    smooth = np.stack([gaussian_filter(axis, SMOOTHNESS_MM / CONTROL_STEP_MM) for axis in noise])
    margin = round(70 / CONTROL_STEP_MM)  # what the grid has around the head
    within = np.linalg.norm(smooth[:, margin:-margin, margin:-margin, margin:-margin], axis=0)
    smooth *= displacement_mm / np.percentile(within, 95)
    # The iteration of `to_mni152` needs a slope below 1, which also rules out folding.
    slope = max(
        np.linalg.norm(gradient, axis=0).max() / CONTROL_STEP_MM
        for gradient in (np.diff(smooth, axis=axis) for axis in (1, 2, 3))
    )
    smooth *= min(1.0, 0.5 / slope)
    size = MEAN_SIZE + rng.normal(0, 0.02) + rng.normal(0, 0.015, 3)
    shear = np.eye(3) + np.triu(rng.normal(0, 0.015, (3, 3)), 1)
    turn = rotation(*rng.normal(0, np.deg2rad([4, 3, 4])))[:3, :3]
    affine = np.eye(4)
    affine[:3, :3] = turn @ shear @ np.diag(np.clip(size, 0.88, 1.0))
    affine[:3, 3] = np.array([0.0, 5.0, 20.0]) + rng.normal(0, 6, 3)
    return Deformation(affine, np.stack([spline_filter(axis, order=3) for axis in smooth]))
