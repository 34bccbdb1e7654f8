"""Systems that read one sample as a topographic map and answer with a cluster of sources."""

from copy import copy
from functools import lru_cache
from typing import Self

import numpy as np
import torch
from matplotlib.tri import LinearTriInterpolator, Triangulation

from pipeline.systems._draw import rings, with_noise
from pipeline.systems._fit import Recipe
from pipeline.systems._system import Examples, Field, System

GRID = 26
AMPLITUDE_BY_RING = (1.0, 0.95, 0.9, 0.85, 0.0)
SNR_DB = 20.0
# Of 450,000 maps that 4LCNN's authors train with.
DEEP_SHARE = 350 / 450


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


def places_mm(field: Field) -> torch.Tensor:
    """Where the sources of a map are (n_sources + n_deep, 3): those of cortex, then the deep ones."""
    return field.pos_mm if field.deep is None else torch.cat([field.pos_mm, field.deep.pos_mm])


def edges(field: Field) -> torch.Tensor:
    """Which sources of a map are beside each other: bool (n_sources + n_deep, n_sources + n_deep)."""
    if field.deep is None:
        return field.neighbours
    return torch.block_diag(field.neighbours.float(), field.deep.neighbours.float()) > 0


class Topographic(System):
    """Clusters of one to three rings of neighbours, one sample at 20 dB, of either sign.

    The published moments are positive throughout, so that an inward current's map never occurs: here
    the map's sign is random and the target has none. A deep cluster's dipoles have one random direction.

    Attributes
    ----------
    deep_share : float
        Of the clusters, where the field has deep sources.
    """

    answers = "map"
    n_times = 1
    grid = GRID
    sees_deep = True
    reads_map = True
    deep_share = DEEP_SHARE

    def with_deep_share(self, deep_share: float) -> Self:
        """The same system, trained with another share of deep clusters."""
        other = copy(self)
        other.deep_share = deep_share
        return other

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
        n_cortex = len(field.pos_mm)
        centre = torch.randint(n_cortex, (n, n_clusters), generator=generator)
        if field.deep is not None:
            is_deep = torch.rand((n, n_clusters), generator=generator) < self.deep_share
            below = torch.randint(len(field.deep.pos_mm), centre.shape, generator=generator)
            centre = torch.where(is_deep, n_cortex + below, centre)
        n_rings = torch.randint(1, 4, (n, n_clusters, 1), generator=generator)
        steps = rings(edges(field), centre.flatten(), 3).unflatten(0, centre.shape)
        amplitude = torch.tensor(AMPLITUDE_BY_RING)[steps] * (steps <= n_rings)
        sign = torch.randint(2, (n, n_clusters, 1), generator=generator) * 2.0 - 1
        signed = sign * amplitude
        clean = signed[..., :n_cortex].sum(1) @ field.gain.T
        if field.deep is not None:
            moment = torch.randn((n, n_clusters, 3), generator=generator)
            moment = moment / moment.norm(dim=2, keepdim=True)
            below = signed[..., n_cortex:, None] * moment[:, :, None]
            clean = clean + torch.einsum("cpd,nkpd->nc", field.deep.gain, below)
        ratio = torch.full((n,), 10 ** (snr_db / 20))
        data = with_noise(clean[..., None], ratio, generator)
        return Examples(data, clean[..., None], centre, signed.sum(1)[..., None])

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
