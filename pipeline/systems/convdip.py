"""ConvDip: one convolution over a topographic map and two full layers, 4LCNN's rival."""

from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from pipeline.systems._system import Field
from pipeline.systems._topography import GRID, Topographic, places_mm, published_recipes


class Layers(nn.Module):
    """3 x 3 convolution of 8 kernels, batch norm, ReLU; 512 units, batch norm, ReLU; output."""

    def __init__(self, n_sources: int, n_hidden: int = 512):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(8 * GRID**2, n_hidden),
            nn.BatchNorm1d(n_hidden),
            nn.ReLU(),
            nn.Linear(n_hidden, n_sources),
        )

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.layers(maps)


class ConvDip(Topographic):
    label = "ConvDip"
    reference = (
        "Hecker L, Rupprecht R, Tebartz van Elst L, Kornmeier J. ConvDip: a convolutional neural "
        "network for better EEG source imaging. Front Neurosci 2021;15:569918."
    )
    sizes = MappingProxyType(
        {
            "smoke": {"n_hidden": 64},
            "cpu": {},
            "paper": {},
        }
    )
    recipes = published_recipes(n_epochs=100)

    def network(self, field: Field, **sizes: Any) -> nn.Module:
        return Layers(len(places_mm(field)), **sizes)


SYSTEM = ConvDip()
