"""A head for published systems: sources on an upper half sphere."""

import numpy as np
import torch

from pipeline.systems._system import Field


def a_field(n_channels: int = 30, n_sources: int = 64) -> Field:
    """Sources on an upper half sphere, whose field falls with distance."""
    rng = np.random.default_rng(0)

    def half_sphere(n: int, radius_mm: float) -> np.ndarray:
        step = np.arange(n) + 0.5
        height, turn = step / n, np.pi * (1 + 5**0.5) * step
        flat = np.sqrt(1 - height**2)
        return radius_mm * np.column_stack([flat * np.cos(turn), flat * np.sin(turn), height])

    pos_mm, sensor_mm = half_sphere(n_sources, 70), half_sphere(n_channels, 110)
    away = np.linalg.norm(sensor_mm[:, None] - pos_mm, axis=2)
    gain = (60 / away) ** 3 * rng.choice([-1, 1], n_sources)
    near = np.linalg.norm(pos_mm[:, None] - pos_mm, axis=2)
    return Field(
        gain=torch.as_tensor(gain, dtype=torch.float32),
        pos_mm=torch.as_tensor(pos_mm, dtype=torch.float32),
        neighbours=torch.as_tensor((near > 0) & (near < 30)),
        area_mm2=torch.full((n_sources,), 200.0),
        sensor_pos_mm=torch.as_tensor(sensor_mm, dtype=torch.float32),
    )
