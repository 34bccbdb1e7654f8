"""The network that a CPU can train: it deblurs a few maps of a recording, not every sample.

A patch keeps its place for the length of a spike, so that its map can be estimated from all
samples together. A small temporal part weighs the samples into a few maps, a wide fully
connected part deblurs the maps, and the temporal part gives them their time courses. At the
same width, a fully connected network with an LSTM behind it took four times as long per step.
"""

import torch
from torch import nn


class Compact(nn.Module):
    """Convolutions over time, MLP over space, 994 in and 994 out.

    Parameters
    ----------
    n_in, n_out : int
    n_temporal : int
        Features per sample.
    n_maps : int
        Maps into which the samples are weighted: the rank of the output over time.
    n_spatial : int
        Width of the deblurring layers.
    """

    def __init__(
        self,
        n_in: int = 994,
        n_out: int = 994,
        n_temporal: int = 96,
        n_maps: int = 4,
        n_spatial: int = 1024,
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

    def forward(self, x: torch.Tensor, samples: slice = slice(None)) -> torch.Tensor:
        """(batch, n_in, n_times) to (batch, n_out, n_times), or only to some `samples` of it."""
        features = (self.features.weight @ x) + self.features.bias[:, None]
        features = nn.functional.elu(features)
        features = features + nn.functional.elu(self.near(features))
        features = (features + nn.functional.elu(self.far(features))).mT
        maps = (x @ self.weighting(features)).mT
        maps = maps / maps.square().mean(2, keepdim=True).add(1e-8).sqrt()
        hidden = nn.functional.elu(self.enter(maps))
        hidden = hidden + nn.functional.elu(self.deblur(hidden))
        return self.leave(hidden).mT @ self.time_course(features)[:, samples].mT
