"""The network of Sun et al. 2022, as its authors' code runs it."""

from dataclasses import dataclass

import torch
from torch import nn

from pipeline.networks._network import Network
from pipeline.projection import Projection


class ResidualBlock(nn.Module):
    """Two fully connected layers and a skip connection, linear where the widths differ."""

    def __init__(self, n_in: int, n_out: int):
        super().__init__()
        self.first = nn.Linear(n_in, n_out)
        self.second = nn.Linear(n_out, n_out)
        self.skip = nn.Identity() if n_in == n_out else nn.Linear(n_in, n_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = nn.functional.elu(self.first(x))
        return nn.functional.elu(self.second(hidden) + self.skip(x))


class DeepSIF(Network):
    """Spatial module (C to C, C to 500, 500 to 500) and three LSTM layers of 994 units."""

    @dataclass(frozen=True)
    class Architecture:
        """The published sizes.

        Attributes
        ----------
        n_in : int
            994 projected inputs, or the number of sensors for the paper's raw-channel input.
        n_out : int
            Regions.
        n_spatial : int
            Width of the spatial module.
        n_layers : int
            Of the LSTM.
        """

        n_in: int = 994
        n_out: int = 994
        n_spatial: int = 500
        n_layers: int = 3

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = sizes = architecture
        self.spatial = nn.Sequential(
            ResidualBlock(sizes.n_in, sizes.n_in),
            ResidualBlock(sizes.n_in, sizes.n_spatial),
            nn.Linear(sizes.n_spatial, sizes.n_spatial),
            nn.ELU(),
        )
        self.temporal = nn.LSTM(
            sizes.n_spatial, sizes.n_out, num_layers=sizes.n_layers, batch_first=True
        )

    def forward(
        self,
        recording: torch.Tensor,
        projection: Projection,
        peak: torch.Tensor,
        samples: slice = slice(None),
    ) -> torch.Tensor:
        """(batch, rank, n_times) to (batch, n_out, n_times), or only to some `samples` of it."""
        x = projection.kernel @ recording
        x = x / x.abs().amax((1, 2), keepdim=True).clamp_min(1e-30)
        return self.temporal(self.spatial(x.mT))[0].mT[..., samples]


NETWORK = DeepSIF
