"""A head that moves in the helmet in the middle of a recording."""

from collections.abc import Callable
from dataclasses import dataclass

import mne
import numpy as np
from mne.transforms import Transform, apply_trans
from scipy.spatial.transform import Rotation, Slerp

from pipeline.head_position import HEAD_CENTRE_HEAD_M
from pipeline.leadfield import sensors_at

LASTS_S = 4.0


@dataclass(frozen=True)
class Moved:
    """Where the head lies after it has moved.

    Attributes
    ----------
    info : mne.Info
        Of the MEG channels, around the head there.
    field : callable
        Field of unit dipoles at vertices of the true cortex there.
    part : ndarray of float32, (n_times,)
        How much of the way lies behind, at each sample.
    """

    info: mne.Info
    field: Callable[[np.ndarray], np.ndarray]
    part: np.ndarray

    def doubled(self, patterns: np.ndarray, there: np.ndarray, courses: np.ndarray):
        """Patterns (n_channels, 2 k) at both places, and courses (2 k, n_times) that fade into each other."""
        return np.hstack([patterns, there]), np.vstack(
            [courses * (1 - self.part), courses * self.part]
        )


def moved_info(info: mne.Info, size: tuple[float, float]) -> mne.Info:
    """The sensors around a head that sank by mm, forward as much as down, and nodded by degrees."""
    head_to_device = np.linalg.inv(info["dev_head_t"]["trans"])
    centre_m = apply_trans(head_to_device, HEAD_CENTRE_HEAD_M)
    turn = Rotation.from_euler("x", -size[1], degrees=True).as_matrix()
    step = np.eye(4)
    step[:3, :3] = turn
    step[:3, 3] = centre_m + size[0] / 1000 * np.array([0, 1, -1]) / np.sqrt(2) - turn @ centre_m
    return sensors_at(info, np.linalg.inv(step @ head_to_device))


def part_of_way(n_times: int, sfreq: float) -> np.ndarray:
    """0 before the movement in the middle and 1 behind it: float32 (n_times,)."""
    return _part(np.arange(n_times) / sfreq, n_times / sfreq).astype(np.float32)


def _part(time_s: np.ndarray, length_s: float) -> np.ndarray:
    since_s = time_s - length_s / 2
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(since_s / LASTS_S + 0.5, 0, 1))


def positions(start: Transform, end: Transform, length_s: float) -> np.ndarray:
    """mne's table of head positions, one each second from the first sample."""
    times_s = np.arange(0.0, length_s, 1.0)
    part = _part(times_s, length_s)
    # The head's centre moves in the helmet; the transform goes the other way.
    ends = np.linalg.inv([start["trans"], end["trans"]])
    turns = Slerp([0, 1], Rotation.from_matrix(ends[:, :3, :3]))(part).as_matrix()
    centres_m = apply_trans(ends[0], HEAD_CENTRE_HEAD_M) + part[:, None] * (
        apply_trans(ends[1], HEAD_CENTRE_HEAD_M) - apply_trans(ends[0], HEAD_CENTRE_HEAD_M)
    )
    table = np.zeros((len(times_s), 10))
    table[:, 0], table[:, 7] = times_s, 0.99
    for row, turn, centre_m in zip(table, turns, centres_m, strict=True):
        row[1:4] = mne.transforms.rot_to_quat(turn.T)
        row[4:7] = HEAD_CENTRE_HEAD_M - turn.T @ centre_m
    return table
