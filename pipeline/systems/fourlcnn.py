"""4LCNN: four convolutions over a topographic map, then every source at once."""

from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from pipeline.systems._system import Field
from pipeline.systems._topography import GRID, Topographic, places_mm, published_recipes


class Layers(nn.Module):
    """4 x (3 x 3 convolution of 32 kernels, batch norm, ReLU), dropout 0.3 and the output layer.

    The published "fully connected layer of 21,632 neurons" is the flattened 32 x 26 x 26 map. A
    `bottleneck` before the output is ours, for what a CPU can train.
    """

    def __init__(self, n_sources: int, n_kernels: int = 32, bottleneck: int = 0):
        super().__init__()
        blocks: list[nn.Module] = []
        for n_in in (1, n_kernels, n_kernels, n_kernels):
            blocks += [
                nn.Conv2d(n_in, n_kernels, 3, padding=1),
                nn.BatchNorm2d(n_kernels),
                nn.ReLU(),
            ]
        n_flat = n_kernels * GRID**2
        last = [nn.Linear(n_flat, bottleneck)] if bottleneck else []
        self.layers = nn.Sequential(
            *blocks,
            nn.Dropout(0.3),
            nn.Flatten(),
            *last,
            nn.Linear(bottleneck or n_flat, n_sources),
        )

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.layers(maps)


class FourLCnn(Topographic):
    label = "4LCNN"
    reference = (
        "Yokoyama H, et al. M/EEG source localization for both subcortical and cortical sources using "
        "a convolutional neural network with a realistic head conductivity model. APL Bioeng "
        "2024;8:046104."
    )
    sizes = MappingProxyType(
        {
            "smoke": {"n_kernels": 4, "bottleneck": 64},
            "cpu": {"bottleneck": 512},
            "paper": {},
        }
    )
    recipes = published_recipes(n_epochs=100)

    def network(self, field: Field, **sizes: Any) -> nn.Module:
        return Layers(len(places_mm(field)), **sizes)


SYSTEM = FourLCnn()
