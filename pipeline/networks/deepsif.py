"""The network of Sun et al. 2022, as its authors' code runs it."""

import torch
from torch import nn

from pipeline.networks.project import Projection


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


class DeepSIF(nn.Module):
    """Spatial module (C to C, C to 500, 500 to 500) and three LSTM layers of 994 units.

    Parameters
    ----------
    n_in : int
        994 projected inputs, or the number of sensors for the paper's raw-channel input.
    """

    def __init__(self, n_in: int = 994, n_out: int = 994, n_spatial: int = 500, n_layers: int = 3):
        super().__init__()
        self.spatial = nn.Sequential(
            ResidualBlock(n_in, n_in),
            ResidualBlock(n_in, n_spatial),
            nn.Linear(n_spatial, n_spatial),
            nn.ELU(),
        )
        self.temporal = nn.LSTM(n_spatial, n_out, num_layers=n_layers, batch_first=True)

    def forward(
        self, recording: torch.Tensor, projection: Projection, samples: slice = slice(None)
    ) -> torch.Tensor:
        """(batch, rank, n_times) to (batch, n_out, n_times), or only to some `samples` of it."""
        x = projection.kernel @ recording
        x = x / x.abs().amax((1, 2), keepdim=True).clamp_min(1e-30)
        return self.temporal(self.spatial(x.mT))[0].mT[..., samples]
