"""The M/EEG U-Net: MNE, dSPM and sLORETA as the colours of an image of sources over time."""

from itertools import pairwise
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from pipeline.systems._draw import distinct_sources, examples, uniform
from pipeline.systems._fit import Recipe
from pipeline.systems._system import Examples, Field, System

N_TIMES = 64
SFREQ_HZ, WAVE_HZ = 600.0, 10.0
ACTIVE_SAMPLES = 20
AMPLITUDE_RATIO = 3.0
SNR = 3.0


class Twice(nn.Sequential):
    """Two 4 x 4 convolutions with batch norm and ReLU."""

    def __init__(self, n_in: int, n_out: int):
        layers: list[nn.Module] = []
        for n_from in (n_in, n_out):
            layers += [
                nn.Conv2d(n_from, n_out, 4, padding="same"),
                nn.BatchNorm2d(n_out),
                nn.ReLU(),
            ]
        super().__init__(*layers)


class Layers(nn.Module):
    """Levels of 64 · 2^l maps, max pooling and transposed convolutions, 1 x 1 to two classes.

    Sides that do not halve as often as there are levels are cut, as the published 642 becomes 640;
    what is cut counts as silent.
    """

    def __init__(self, n_levels: int = 5, root: int = 64):
        super().__init__()
        widths = [root * 2**level for level in range(n_levels)]
        self.down = nn.ModuleList(Twice(a, b) for a, b in pairwise((3, *widths)))
        upward = list(pairwise(reversed(widths)))
        self.rise = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, 2) for a, b in upward)
        self.up = nn.ModuleList(Twice(2 * b, b) for _, b in upward)
        self.classes = nn.Conv2d(root, 2, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(n, 3, n_sources, n_times) to the classes' logits (n, 2, n_sources, n_times)."""
        unit = 2 ** (len(self.down) - 1)
        n_rows, n_columns = image.shape[2:]
        hidden = image[:, :, : n_rows // unit * unit, : n_columns // unit * unit]
        kept = []
        for level, block in enumerate(self.down):
            hidden = block(hidden if not level else nn.functional.max_pool2d(hidden, 2))
            kept.append(hidden)
        for rise, block, beside in zip(self.rise, self.up, reversed(kept[:-1]), strict=True):
            hidden = block(torch.cat([beside, rise(hidden)], 1))
        logits = self.classes(hidden)
        missing = n_columns - logits.shape[3], n_rows - logits.shape[2]
        return nn.functional.pad(logits, (0, missing[0], 0, missing[1]))


def images(field: Field, data: torch.Tensor, snr: float) -> torch.Tensor:
    """|MNE|, |dSPM| and |sLORETA| (n, 3, n_sources, n_times), regularised by 1 / snr²."""
    gain = field.gain * (len(field.gain) ** 0.5 / field.gain.norm())
    model = gain @ gain.T + torch.eye(len(gain)) / snr**2
    kernel = torch.linalg.solve(model, gain).T
    noise = kernel.norm(dim=1, keepdim=True)
    resolution = (kernel * gain.T).sum(1, keepdim=True).sqrt()
    return (torch.stack([kernel, kernel / noise, kernel / resolution]) @ data[:, None]).abs()


class UNet(System):
    label = "U-Net"
    reference = (
        "Latvala J. Applying neural networks for improving the MEG inverse solution. Thesis, 2017."
    )
    answers = "activity"
    n_times, sfreq_hz = N_TIMES, SFREQ_HZ
    sizes = MappingProxyType(
        {
            "smoke": {"n_levels": 3, "root": 4},
            "cpu": {"n_levels": 4, "root": 16},
            "paper": {},
        }
    )
    recipes = MappingProxyType(
        {
            "smoke": Recipe(40, 4, "sgd", 0.02, momentum=0.9, clip=1.0, validate_every=20),
            "cpu": Recipe(
                2500, 4, "sgd", 0.02, momentum=0.9, clip=1.0, falling_part=0.5, validate_every=100
            ),
            "paper": Recipe(
                9000, 1, "sgd", 0.02, momentum=0.9, clip=1.0, falling_part=0.5, validate_every=450
            ),
        }
    )

    def network(self, field: Field, **sizes: Any) -> nn.Module:
        return Layers(**sizes)

    def draw(self, field: Field, n: int, generator: torch.Generator) -> Examples:
        """One dipole after the other for a third of a cycle each, silence between."""
        return self.condition(field, n, generator, 1)

    def condition(
        self, field: Field, n: int, generator: torch.Generator, n_dipoles: int
    ) -> Examples:
        """Examples of so many dipoles at once, each of a sign of its own."""
        time = torch.arange(N_TIMES)
        start = torch.randint(N_TIMES - ACTIVE_SAMPLES, (n, 1), generator=generator)
        within = (time >= start) & (time < start + ACTIVE_SAMPLES)
        sign = torch.randint(2, (n, n_dipoles, 1), generator=generator) * 2.0 - 1
        phase = 2 * torch.pi * WAVE_HZ / SFREQ_HZ * (time - start + 1)
        course = sign * (within * torch.sin(phase))[:, None]
        sources = distinct_sources(n, n_dipoles, len(field.pos_mm), generator)
        activity = torch.zeros(n, len(field.pos_mm), N_TIMES)
        activity[torch.arange(n)[:, None], sources] = course
        ratio = AMPLITUDE_RATIO * uniform(0.5, 1.5, generator, n)
        return examples(field, sources, activity, ratio, generator)

    def encode(self, field: Field, data: torch.Tensor) -> torch.Tensor:
        """`images`, each sample over its maximum."""
        shown = images(field, data, SNR)
        return shown / shown.amax(2, keepdim=True).clamp_min(1e-30)

    def loss(self, output: torch.Tensor, examples: Examples, field: Field) -> torch.Tensor:
        """Cross-entropy, classes weighted by one over their frequency (n and n / (n - 1))."""
        active = (examples.activity.abs() > 1e-20).long()
        n_sources = active.shape[1]
        weight = torch.tensor([n_sources / (n_sources - 1), float(n_sources)])
        return nn.functional.cross_entropy(output, active, weight)

    def answer(self, output: torch.Tensor, field: Field) -> torch.Tensor:
        """Probability of being active."""
        return output.softmax(1)[:, 1]


SYSTEM = UNet()
