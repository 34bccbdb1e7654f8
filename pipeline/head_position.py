"""Where the head lay in the helmet: distances between positions, and groups of near ones."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

HEAD_CENTRE_HEAD_M = np.array([0.0, 0.0, 0.04])
STEP_MM, STEP_DEG = 1.0, 1.0
# Each costs a leadfield; where more were needed the groups are made wider.
MOST_POSITIONS = 8
_WIDER = 1.25


@dataclass(frozen=True, eq=False)
class HeadPositions:
    """The head's positions at the spikes of an average.

    Attributes
    ----------
    dev_head_t : ndarray, (n_positions, 4, 4)
        From the device's to the head's coordinates, m.
    of_spike : ndarray of int, (n_spikes,)
        The position of each averaged spike.
    """

    dev_head_t: np.ndarray
    of_spike: np.ndarray

    @property
    def weight(self) -> np.ndarray:
        """Part of the spikes (n_positions,) that each position has."""
        return np.bincount(self.of_spike, minlength=len(self.dev_head_t)) / len(self.of_spike)


def sphere_centre(pos: np.ndarray) -> np.ndarray:
    """Centre (3,) of the sphere fitted to points (n, 3), as a helmet's sensors, by linear least squares."""
    design = np.column_stack([2 * pos, np.ones(len(pos))])
    return np.linalg.lstsq(design, (pos**2).sum(1), rcond=None)[0][:3]


def displacement(reference: np.ndarray, dev_head_t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far the head lay from its place in `reference` (4, 4), and how far it was turned.

    Parameters
    ----------
    reference : ndarray, (4, 4)
    dev_head_t : ndarray, (n, 4, 4)

    Returns
    -------
    distance_mm : ndarray, (n,)
        Of the head's centre, in the helmet.
    angle_deg : ndarray, (n,)
    """
    centre = np.append(HEAD_CENTRE_HEAD_M, 1)
    here, there = np.linalg.inv(reference), np.linalg.inv(dev_head_t)
    trace = np.einsum("ij,nij->n", here[:3, :3], there[:, :3, :3])
    angle_deg = np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))
    return 1000 * np.linalg.norm((there - here) @ centre, axis=1), angle_deg


def group(dev_head_t: np.ndarray) -> tuple[HeadPositions, float]:
    """Positions (n, 4, 4) of spikes as few, each of which is the mean of near ones.

    Returns
    -------
    positions : HeadPositions
        At most `MOST_POSITIONS`.
    width_mm : float
        A position lies at most so far, and as many degrees, from the first of its group.
    """
    width = STEP_MM
    while (of_spike := _grouped(dev_head_t, width)).max() >= MOST_POSITIONS:
        width *= _WIDER
    members = [dev_head_t[of_spike == index] for index in range(of_spike.max() + 1)]
    return HeadPositions(np.array([_mean(each) for each in members]), of_spike), width


def _grouped(dev_head_t: np.ndarray, width: float) -> np.ndarray:
    """Group (n,) of each position, each group around the first one that is in no earlier."""
    of_spike = np.full(len(dev_head_t), -1)
    while (of_spike < 0).any():
        first = dev_head_t[np.argmax(of_spike < 0)]
        distance_mm, angle_deg = displacement(first, dev_head_t)
        near = (distance_mm <= width) & (angle_deg <= width * STEP_DEG / STEP_MM)
        near[np.argmax(of_spike < 0)] = True
        of_spike[near & (of_spike < 0)] = of_spike.max() + 1
    return of_spike


def _mean(dev_head_t: np.ndarray) -> np.ndarray:
    """Mean of near transforms (n, 4, 4): of the head's centre in the helmet, and of the rotation."""
    if (dev_head_t == dev_head_t[0]).all():
        return dev_head_t[0].copy()  # to the last bit
    turn = Rotation.from_matrix(dev_head_t[:, :3, :3]).mean().as_matrix()
    centre = np.append(HEAD_CENTRE_HEAD_M, 1)
    centre_device_m = (np.linalg.inv(dev_head_t) @ centre)[:, :3].mean(0)
    mean = np.eye(4)
    mean[:3, :3] = turn
    mean[:3, 3] = HEAD_CENTRE_HEAD_M - turn @ centre_device_m
    return mean
