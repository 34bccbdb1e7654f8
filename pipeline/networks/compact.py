"""The network that a CPU can train: it deblurs a few maps of a recording, not every sample.

A patch keeps its place for the length of a spike, so that its map can be estimated from all
samples together. A small temporal part weighs the samples into a few maps, a wide fully
connected part deblurs the maps, and the temporal part gives them their time courses. The maps are
then explained by the patient's own leadfield, and what remains unexplained corrects them, as in
unrolled optimisation (Gregor & LeCun 2010): so the network need not learn every head by heart.
"""

import torch
from torch import nn

from pipeline.networks.project import Projection

# What a good first estimate leaves unexplained is a fraction of the map.
RESIDUAL_GAIN = 3.0


class Correction(nn.Module):
    """Change of the sources by what they leave unexplained."""

    def __init__(self, n_in: int, n_out: int, n_hidden: int):
        super().__init__()
        self.enter = nn.Linear(n_in + n_out, n_hidden)
        self.deblur = nn.Linear(n_hidden, n_hidden)
        self.leave = nn.Linear(n_hidden, n_out)
        # Training begins near "no correction".
        with torch.no_grad():
            self.leave.weight.mul_(0.1)
            self.leave.bias.zero_()

    def forward(self, hidden, residual, sources):
        seen = torch.cat([RESIDUAL_GAIN * residual, sources / _size(sources)], 2)
        hidden = hidden + nn.functional.elu(self.enter(seen))
        hidden = hidden + nn.functional.elu(self.deblur(hidden))
        return hidden, sources + self.leave(hidden)


class Compact(nn.Module):
    """Convolutions over time, MLP over space, 994 out.

    Parameters
    ----------
    n_in, n_out : int
        Inputs (`Projection.kernel`) and regions.
    n_temporal : int
        Features per sample.
    n_maps : int
        Maps into which the samples are weighted: the rank of the output over time.
    n_spatial : int
        Width of the deblurring layers.
    n_corrections : int
    """

    def __init__(
        self,
        n_in: int = 994,
        n_out: int = 994,
        n_temporal: int = 64,
        n_maps: int = 4,
        n_spatial: int = 768,
        n_corrections: int = 2,
    ):
        super().__init__()
        self.features = nn.Linear(n_in, n_temporal)
        self.near = nn.Conv1d(n_temporal, n_temporal, 7, padding="same")
        self.far = nn.Conv1d(n_temporal, n_temporal, 7, padding="same", dilation=6)
        self.weighting = nn.Linear(n_temporal, n_maps)
        self.time_course = nn.Linear(n_temporal, n_maps)
        self.enter = nn.Linear(n_in, n_spatial)
        self.deblur = nn.Linear(n_spatial, n_spatial)
        self.leave = nn.Linear(n_spatial, n_out)
        self.corrections = nn.ModuleList(
            Correction(n_in, n_out, n_spatial) for _ in range(n_corrections)
        )

    def forward(
        self, recording: torch.Tensor, projection: Projection, samples: slice = slice(None)
    ) -> torch.Tensor:
        """(batch, rank, n_times) to (batch, n_out, n_times), or only to some `samples` of it.

        All that looks at every sample happens on the sensors, whose rank is a fraction of the
        number of regions; only the maps are projected.
        """
        features = (self.features.weight @ projection.kernel) @ recording
        features = nn.functional.elu(features + self.features.bias[:, None])
        features = features + nn.functional.elu(self.near(features))
        features = (features + nn.functional.elu(self.far(features))).mT

        seen = (recording @ self.weighting(features)).mT
        maps = seen @ projection.kernel.T
        seen, maps = seen / _size(maps), maps / _size(maps)
        hidden = nn.functional.elu(self.enter(maps))
        hidden = hidden + nn.functional.elu(self.deblur(hidden))
        sources = self.leave(hidden)
        for correction in self.corrections:
            residual = _unexplained(seen, sources @ projection.leadfield.T)
            hidden, sources = correction(hidden, residual @ projection.kernel.T, sources)
        return sources.mT @ self.time_course(features)[:, samples].mT


def _size(maps: torch.Tensor) -> torch.Tensor:
    return maps.square().mean(2, keepdim=True).add(1e-8).sqrt()


def _unexplained(seen: torch.Tensor, field: torch.Tensor) -> torch.Tensor:
    """What is left of `seen` when `field`, in the amount that fits best, is taken off."""
    amount = (seen * field).sum(2, keepdim=True) / field.square().sum(2, keepdim=True).add(1e-6)
    return seen - amount * field
