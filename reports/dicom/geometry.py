"""Grids: the T1w's, and that of the DICOM images that it was converted from. Pure functions.

DICOM counts millimetres to the patient's left, posterior and superior (LPS), NIfTI to the right,
anterior and superior (RAS); the origin is the same.
"""

from dataclasses import dataclass

import numpy as np

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
# Positions are written with a few decimals; a slice that is further off lies on another grid.
TOLERANCE_MM = 0.1


@dataclass(frozen=True)
class Frame:
    """One slice of a DICOM image.

    Attributes
    ----------
    position_lps_mm : ndarray, (3,)
        Centre of the first pixel.
    along_row, along_column : ndarray, (3,)
        Unit vectors of increasing column number and of increasing row number, LPS.
    spacing_mm : tuple of float
        Between rows, between columns.
    shape : tuple of int
        Rows, columns.
    """

    position_lps_mm: np.ndarray
    along_row: np.ndarray
    along_column: np.ndarray
    spacing_mm: tuple[float, float]
    shape: tuple[int, int]

    def pixels_lps_mm(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """Centres (n, 3) of the pixels with these numbers (n,)."""
        between_rows, between_columns = self.spacing_mm
        return (
            self.position_lps_mm
            + np.multiply.outer(column * between_columns, self.along_row)
            + np.multiply.outer(row * between_rows, self.along_column)
        )


def off_grid_mm(frame: Frame, affine_ras: np.ndarray) -> float:
    """How far the corner pixels of a slice lie from the nearest voxel centres of a grid, at most.

    The grid is taken as unbounded: a T1w may be cropped. Slices that run oblique to the grid, or
    with another spacing, count as infinitely far.
    """
    rows, columns = frame.shape
    corners = frame.pixels_lps_mm(
        np.array([0, rows - 1, 0, rows - 1]), np.array([0, 0, columns - 1, columns - 1])
    )
    voxel = voxel_of(corners, affine_ras)
    nearest = np.rint(voxel)
    # Every step from pixel to pixel must be a step from voxel to voxel, or the slice is a resampling.
    across = [nearest[2] - nearest[0], nearest[1] - nearest[0]]
    wanted = [columns - 1, rows - 1]
    for step, n in zip(across, wanted, strict=True):
        if n and (np.count_nonzero(step) != 1 or np.abs(step).max() != n):
            return float("inf")
    return float(np.linalg.norm((voxel - nearest) @ affine_ras[:3, :3].T, axis=1).max())


def overlaps(frame: Frame, affine_ras: np.ndarray, shape: tuple[int, int, int]) -> bool:
    """Whether the middle of a slice lies in a grid of voxels."""
    rows, columns = frame.shape
    middle = frame.pixels_lps_mm(np.array([rows // 2]), np.array([columns // 2]))
    voxel = np.rint(voxel_of(middle, affine_ras))[0]
    return bool(((voxel >= 0) & (voxel < shape)).all())


def voxel_of(points_lps_mm: np.ndarray, affine_ras: np.ndarray) -> np.ndarray:
    """Fractional voxel indices (n, 3) of points (n, 3)."""
    to_voxel = np.linalg.inv(RAS_TO_LPS @ affine_ras)
    return points_lps_mm @ to_voxel[:3, :3].T + to_voxel[:3, 3]


def as_slices(
    volume: np.ndarray, affine_ras: np.ndarray, frame: Frame
) -> tuple[np.ndarray, np.ndarray]:
    """A volume's voxels in the order of DICOM slices that are parallel to `frame`.

    Parameters
    ----------
    volume : ndarray, (nx, ny, nz)
    affine_ras : ndarray, (4, 4)
        Voxel to scanner RAS, mm.

    Returns
    -------
    slices : ndarray, (n_slices, n_rows, n_columns)
        The same voxels, permuted and flipped, never resampled.
    affine_lps : ndarray, (4, 4)
        Slice, row and column number to LPS, mm; right-handed as DICOM stacks slices.
    """
    affine = RAS_TO_LPS @ affine_ras
    unit = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    normal = np.cross(frame.along_row, frame.along_column)
    order, flips = [], []
    for direction in (normal, frame.along_column, frame.along_row):
        along = direction @ unit
        axis = int(np.abs(along).argmax())
        order.append(axis)
        flips.append(along[axis] < 0)
    columns, origin = [], affine[:3, 3].copy()
    for axis, flip in zip(order, flips, strict=True):
        step = affine[:3, axis]
        if flip:
            origin += step * (volume.shape[axis] - 1)
        columns.append(-step if flip else step)
    flipped = np.transpose(volume, order)
    flipped = np.flip(flipped, [i for i, flip in enumerate(flips) if flip])
    affine_lps = np.eye(4)
    affine_lps[:3, :3] = np.stack(columns, axis=1)
    affine_lps[:3, 3] = origin
    return np.ascontiguousarray(flipped), affine_lps
