"""The registration between MNI152 and the patient: points carried there and back."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import map_coordinates

from pipeline.files import read_npz, write_npz

# fsaverage's surface RAS to MNI152, as FreeSurfer publishes it (CoordinateSystems, case 8).
MNI305_TO_MNI152 = np.array(
    [
        [0.9975, -0.0073, 0.0176, -0.0429],
        [0.0146, 1.0009, -0.0024, 1.5496],
        [-0.0130, -0.0093, 0.9971, 1.1840],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
STORED_STEP = 2
INVERSE_MM = 0.1
_MOST_STEPS = 100


@dataclass(frozen=True)
class HeadWarp:
    """Maps points of MNI152 to the patient's scanner RAS, mm.

    Attributes
    ----------
    affine : ndarray, (4, 4)
        Where the affine stage alone puts an MNI152 point.
    lattice_mm : ndarray, (i, j, k, 3) or None
        Displacement from there, sampled on a lattice in MNI152; None for an affine registration.
    lattice_to_mni152 : ndarray, (4, 4)
        Indices of the lattice to MNI152, mm.
    """

    affine: np.ndarray
    lattice_mm: np.ndarray | None
    lattice_to_mni152: np.ndarray

    def from_mni152(self, points_mm: np.ndarray) -> np.ndarray:
        """Carry points (n, 3) from MNI152 to the patient.

        Beyond the lattice, the displacement of its border holds.
        """
        moved = apply_affine(self.affine, points_mm)
        if self.lattice_mm is None:
            return moved
        index = apply_affine(np.linalg.inv(self.lattice_to_mni152), points_mm).T
        displacement = [
            map_coordinates(self.lattice_mm[..., axis], index, order=1, mode="nearest")
            for axis in range(3)
        ]
        return moved + np.stack(displacement, axis=1)

    def to_mni152(self, points_mm: np.ndarray) -> np.ndarray:
        """Carry points (n, 3) from the patient to MNI152.

        Raises
        ------
        ValueError
            The warp cannot be inverted there to within `INVERSE_MM`.
        """
        back = np.linalg.inv(self.affine)
        found = apply_affine(back, points_mm)
        for _ in range(_MOST_STEPS):
            away_mm = points_mm - self.from_mni152(found)
            if np.linalg.norm(away_mm, axis=1).max() < INVERSE_MM:
                return found
            # The displacement changes slowly: the affine's own inverse is a good step.
            found = found + away_mm @ back[:3, :3].T
        raise ValueError("the registration cannot be inverted at this place")

    def from_mni305(self, points_mm: np.ndarray) -> np.ndarray:
        """Carry points (n, 3) from fsaverage's frame to the patient."""
        return self.from_mni152(apply_affine(MNI305_TO_MNI152, points_mm))

    @property
    def affine_from_mni305(self) -> np.ndarray:
        return self.affine @ MNI305_TO_MNI152

    @classmethod
    def of_mni305_affine(cls, affine: np.ndarray) -> "HeadWarp":
        """The warp that is an affine (4, 4) from fsaverage's frame to the patient alone."""
        return cls(affine @ np.linalg.inv(MNI305_TO_MNI152), None, np.eye(4))


def write_warp(path: Path, warp: HeadWarp) -> None:
    """Write the warp; its displacements on every second node, as fine as they were optimised."""
    lattice = warp.lattice_mm
    arrays = {"affine": warp.affine}
    if lattice is not None:
        coarser = np.diag([STORED_STEP] * 3 + [1])
        arrays["lattice_mm"] = lattice[::STORED_STEP, ::STORED_STEP, ::STORED_STEP].astype("f4")
        arrays["lattice_to_mni152"] = warp.lattice_to_mni152 @ coarser
    write_npz(path, **arrays)


def read_warp(path: Path) -> HeadWarp:
    stored = read_npz(path)
    lattice_to_mni152 = stored.get("lattice_to_mni152", np.eye(4))
    return HeadWarp(stored["affine"], stored.get("lattice_mm"), lattice_to_mni152)


def apply_affine(affine: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Apply a matrix (4, 4) to points (n, 3)."""
    return points @ affine[:3, :3].T + affine[:3, 3]
