"""DeepMEG: the places of one, two or three dipoles from one sample or sixteen."""

from itertools import pairwise, permutations
from typing import Any

import torch
from torch import nn

from pipeline.systems._draw import distinct_sources, examples, sinusoids, uniform
from pipeline.systems._fit import Recipe
from pipeline.systems._system import Examples, Field, System

REFERENCE = "Pantazis D, Adler A. MEG source localization via deep learning. Sensors 2021;21:4278."
N_TIMES = 16
N_FILTERS, FILTER_LENGTH = 32, 5
WIDTHS = (3000, 2500, 1200)
# In the published setting; the papers' factor is missing and is taken as that of amplitudes.
SNR_DB = {1: 10.0, N_TIMES: -15.0}
MM_PER_UNIT = 10.0


def permutation_mse(found: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Mean squared error (n,) of points (n, k, 3) under the best assignment of found to true.

    Sources have no order: under a fixed one the best answer would be their mean place.
    """
    orders = list(permutations(range(true.shape[1])))
    errors = [(found - true[:, list(order)]).square().mean((1, 2)) for order in orders]
    return torch.stack(errors).amin(0)


def localisation_error_mm(found_mm: torch.Tensor, true_mm: torch.Tensor) -> torch.Tensor:
    """Mean distance (n,) of points (n, k, 3) under the best assignment."""
    orders = list(permutations(range(true_mm.shape[1])))
    errors = [(found_mm - true_mm[:, list(order)]).norm(dim=2).mean(1) for order in orders]
    return torch.stack(errors).amin(0)


class Layers(nn.Module):
    """Table 1: an optional convolution over time, three sigmoid layers and a linear one."""

    def __init__(
        self, n_channels: int, n_times: int, n_points: int, widths: tuple[int, ...] = WIDTHS
    ):
        super().__init__()
        self.filters = nn.Conv1d(n_channels, N_FILTERS, FILTER_LENGTH) if n_times > 1 else None
        n_features = N_FILTERS * (n_times - FILTER_LENGTH + 1) if n_times > 1 else n_channels
        sizes = (n_features, *widths, 3 * n_points)
        self.full = nn.ModuleList(nn.Linear(n_in, n_out) for n_in, n_out in pairwise(sizes))

    def forward(self, data: torch.Tensor) -> torch.Tensor:
        hidden = data if self.filters is None else torch.sigmoid(self.filters(data))
        hidden = hidden.flatten(1)
        for layer in self.full[:-1]:
            hidden = torch.sigmoid(layer(hidden))
        return self.full[-1](hidden).unflatten(1, (-1, 3))


class DeepMeg(System):
    """One of the six networks.

    Parameters
    ----------
    n_points : int
        Known to the network, as to the method that the paper compares it with.
    n_times : int
        1 or 16.
    """

    answers = "points"
    reference = REFERENCE

    def __init__(self, n_points: int, n_times: int):
        self.n_points, self.n_times = n_points, n_times
        self.label = f"DeepMEG {'MLP' if n_times == 1 else 'CNN'}-{n_points}"
        published = 312_500 if n_times == 1 else 300_000
        self.sizes = {"smoke": {"widths": (96, 64, 48)}, "cpu": {}, "paper": {}}
        self.recipes = {
            "smoke": Recipe(400, 64, "adam", 1e-2, validate_every=100),
            "cpu": Recipe(12_000, 256, "adam", 3e-4, falling_part=0.5, validate_every=1000),
            "paper": Recipe(published, 32, "sgd", 1e-3, falling_part=0.0, validate_every=10_000),
        }

    def network(self, field: Field, **sizes: Any) -> nn.Module:
        return Layers(len(field.gain), self.n_times, self.n_points, **sizes)

    def draw(self, field: Field, n: int, generator: torch.Generator) -> Examples:
        correlation = uniform(0, 0.9, generator, n)
        return self.condition(field, n, generator, SNR_DB[self.n_times], correlation)

    def condition(
        self,
        field: Field,
        n: int,
        generator: torch.Generator,
        snr_db: float,
        correlation: torch.Tensor,
    ) -> Examples:
        """Examples at one SNR (dB, of Frobenius norms) with these correlations (n,) of the courses."""
        chosen = distinct_sources(n, self.n_points, len(field.pos_mm), generator)
        if self.n_times == 1:
            courses = torch.randint(2, (n, self.n_points, 1), generator=generator) * 2.0 - 1
        else:
            courses = sinusoids(n, self.n_points, self.n_times, correlation, generator)
        activity = torch.zeros(n, len(field.pos_mm), self.n_times)
        activity.scatter_(1, chosen[..., None].expand(-1, -1, self.n_times), courses)
        ratio = torch.full((n,), 10 ** (snr_db / 20))
        return examples(field, chosen, activity, ratio, generator)

    def encode(self, field: Field, data: torch.Tensor) -> torch.Tensor:
        """Over its root mean square: sigmoids are dead to what is far from one."""
        return data / data.square().mean((1, 2), keepdim=True).sqrt()

    def loss(self, output: torch.Tensor, examples: Examples, field: Field) -> torch.Tensor:
        true = (field.pos_mm[examples.sources] - field.centre_mm) / MM_PER_UNIT
        return permutation_mse(output, true).mean()

    def answer(self, output: torch.Tensor, field: Field) -> torch.Tensor:
        return output * MM_PER_UNIT + field.centre_mm
