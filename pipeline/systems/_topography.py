"""Systems that read one sample as a topographic map and answer with a cluster of sources."""

from functools import lru_cache

import numpy as np
import torch
from matplotlib.tri import LinearTriInterpolator, Triangulation

from pipeline.systems._draw import examples, rings
from pipeline.systems._fit import Recipe
from pipeline.systems._system import Examples, Field, System

GRID = 26
AMPLITUDE_BY_RING = (1.0, 0.95, 0.9, 0.85, 0.0)
SNR_DB = 20.0


@lru_cache(maxsize=8)
def interpolation(sensors: tuple[tuple[float, float, float], ...], grid: int) -> torch.Tensor:
    """Matrix (grid², n_channels) from sensors to a square map: azimuthal projection, linear, zero outside.

    The channels of one place (a magnetometer and its gradiometers) share it in equal parts.
    """
    pos = np.array(sensors)
    pos = pos - (pos.max(0) + pos.min(0)) / 2
    polar = np.arctan2(np.hypot(pos[:, 0], pos[:, 1]), pos[:, 2])
    azimuth = np.arctan2(pos[:, 1], pos[:, 0])
    flat = np.round(np.column_stack([polar * np.cos(azimuth), polar * np.sin(azimuth)]), 6)
    places, own = np.unique(flat, axis=0, return_inverse=True)
    own = own.ravel()
    triangles = Triangulation(*places.T)
    axis = np.linspace(-1, 1, grid) * np.abs(places).max()
    x, y = np.meshgrid(axis, axis)
    columns = [
        LinearTriInterpolator(triangles, unit)(x, y).filled(0.0).ravel()
        for unit in np.eye(len(places))
    ]
    share = (own == np.arange(len(places))[:, None]) / np.bincount(own)[:, None]
    return torch.as_tensor(np.column_stack(columns) @ share, dtype=torch.float32)


class Topographic(System):
    """Clusters of one to three rings of neighbours, one sample at 20 dB, of either sign.

    The published moments are positive throughout, so that an inward current's map never occurs: here
    the map's sign is random and the target has none.
    """

    answers = "map"
    n_times = 1
    grid = GRID

    def draw(self, field: Field, n: int, generator: torch.Generator) -> Examples:
        return self.condition(field, n, generator, SNR_DB)

    def condition(
        self,
        field: Field,
        n: int,
        generator: torch.Generator,
        snr_db: float,
        n_clusters: int = 1,
    ) -> Examples:
        """Examples at one SNR (dB, of amplitudes), with clusters that may touch."""
        centre = torch.randint(len(field.pos_mm), (n, n_clusters), generator=generator)
        n_rings = torch.randint(1, 4, (n, n_clusters, 1), generator=generator)
        steps = rings(field, centre.flatten(), 3).unflatten(0, centre.shape)
        amplitude = torch.tensor(AMPLITUDE_BY_RING)[steps] * (steps <= n_rings)
        sign = torch.randint(2, (n, n_clusters, 1), generator=generator) * 2.0 - 1
        activity = (sign * amplitude).sum(1)[..., None]
        ratio = torch.full((n,), 10 ** (snr_db / 20))
        return examples(field, centre, activity, ratio, generator)

    def encode(self, field: Field, data: torch.Tensor) -> torch.Tensor:
        """Maps (n, 1, grid, grid) of the first sample, z-scored over channels."""
        sample = data[..., 0]
        z = (sample - sample.mean(1, keepdim=True)) / sample.std(1, keepdim=True)
        sensors = tuple(tuple(pos) for pos in field.sensor_pos_mm.tolist())
        flat = z @ interpolation(sensors, self.grid).T
        return flat.unflatten(1, (1, self.grid, self.grid))

    def loss(self, output: torch.Tensor, examples: Examples, field: Field) -> torch.Tensor:
        """Root mean squared error of each example's amplitudes."""
        target = examples.activity[..., 0].abs()
        return ((output - target).square().mean(1) + 1e-12).sqrt().mean()

    def answer(self, output: torch.Tensor, field: Field) -> torch.Tensor:
        return output


def published_recipes(n_epochs: int) -> dict[str, Recipe]:
    """Adam with the published moments; batch size and schedule are not printed."""
    betas = (0.5, 0.999)
    paper = n_epochs * 450_000 // 256
    return {
        "smoke": Recipe(120, 32, "adam", 1e-3, betas=betas, validate_every=60),
        "cpu": Recipe(7800, 128, "adam", 1e-3, betas=betas, falling_part=0.9, validate_every=500),
        "paper": Recipe(
            paper, 256, "adam", 1e-3, betas=betas, falling_part=0.9, validate_every=2000
        ),
    }
