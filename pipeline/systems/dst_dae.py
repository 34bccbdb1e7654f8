"""DST-DAE: a denoising autoencoder whose last layer is the forward model."""

from itertools import pairwise
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from pipeline.systems._draw import examples, grown_patches, uniform
from pipeline.systems._fit import Recipe
from pipeline.systems._system import Examples, Field, System

N_TIMES, SFREQ_HZ = 40, 100.0
N_TEMPORAL_BASES = 4
LARGEST_AREA_MM2 = 2000.0
# Signal power over noise power, dB: a network that does not know the SNR sees all of them.
SNR_DB = (-5.0, 10.0)
FIELD_WEIGHT, SOURCE_WEIGHT, ABSOLUTE_PART = 10.0, 150.0, 0.1


def damped_sinusoids(n: int, generator: torch.Generator) -> torch.Tensor:
    """Courses (n, 40): sin(2πft) exp(-((t - τ) / ω)²), as the misprinted formula is read."""
    time_s = torch.arange(N_TIMES) / SFREQ_HZ
    frequency_hz = uniform(2, 12, generator, n, 1)
    centre_s = uniform(0.1, 0.3, generator, n, 1)
    width_s = uniform(0.03, 0.1, generator, n, 1)
    envelope = torch.exp(-(((time_s - centre_s) / width_s) ** 2))
    return torch.sin(2 * torch.pi * frequency_hz * time_s) * envelope


def temporal_bases(data: torch.Tensor) -> torch.Tensor:
    """The four strongest courses (4, n_times) of a recording (n_channels, n_times), by its SVD."""
    return torch.linalg.svd(data, full_matrices=False)[2][:N_TEMPORAL_BASES]


class Layers(nn.Module):
    """Encoders over time and channels, decoders over sources and time; batch norm and ELU between.

    Parameters
    ----------
    n_channels, n_sources : int
        The sources' decoder doubles its length with each layer; what is more than n_sources is cut off.
    encoder : tuple of int
        Maps of the 1 x 5 convolutions of stride 2 over time.
    decoder : tuple of int
        Maps of the transposed 10 x 1 convolutions of stride 2 over sources.
    temporal : tuple of int
        Maps of the transposed 1 x 6 convolutions of stride 2 over time, the last one's being 1.
    """

    def __init__(
        self,
        n_channels: int,
        n_sources: int,
        encoder: tuple[int, ...] = (16, 16, 16),
        n_spatial: int = 64,
        decoder: tuple[int, ...] = (64,) * 10,
        temporal: tuple[int, ...] = (32, 32, 1),
    ):
        super().__init__()
        if 2 ** len(decoder) < n_sources:
            raise ValueError(f"{len(decoder)} layers decode {2 ** len(decoder)} sources at most")
        self.n_sources = n_sources
        blocks: list[nn.Module] = []
        for n_in, n_out in pairwise((1, *encoder)):
            blocks += _normed(nn.Conv2d(n_in, n_out, (1, 5), (1, 2), (0, 2)))
        blocks += _normed(nn.Conv2d(encoder[-1], n_spatial, (n_channels, 1)))
        for n_in, n_out in pairwise((n_spatial, *decoder)):
            blocks += _normed(nn.ConvTranspose2d(n_in, n_out, (10, 1), (2, 1), (4, 0)))
        for n_in, n_out in pairwise((decoder[-1], *temporal)):
            blocks += _normed(nn.ConvTranspose2d(n_in, n_out, (1, 6), (1, 2), (0, 2)))
        # Linear before the output: an ELU would clip negative sources.
        self.layers = nn.Sequential(*blocks[:-2])

    def forward(self, data: torch.Tensor) -> torch.Tensor:
        """(n, n_channels, n_times) to (n, n_sources, n_times)."""
        return self.layers(data[:, None])[:, 0, : self.n_sources]


def _normed(layer: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    return [layer, nn.BatchNorm2d(layer.out_channels), nn.ELU()]


class DstDae(System):
    """Patches grown to an area; courses are mixtures of temporal bases.

    Attributes
    ----------
    bases : Tensor, (n_recordings, n_bases, n_times), or None
        Of the recordings that will be inverted, as its authors do; none draws others with each
        example (the network then knows nothing of the tested signal).
    snr_db : Tensor, (n_recordings,), or None
        Of these recordings; none draws one of a range for each example.
    """

    label = "DST-DAE"
    reference = (
        "Huang G, Yu ZL, Liu K, et al. Electromagnetic source imaging via a data-synthesis-based "
        "denoising autoencoder. 2022."
    )
    answers = "activity"
    n_times, sfreq_hz = N_TIMES, SFREQ_HZ
    learns_from_recording = True
    sizes = MappingProxyType(
        {
            "smoke": {
                "encoder": (4, 4, 4),
                "n_spatial": 16,
                "decoder": (8,) * 10,
                "temporal": (8, 4, 1),
            },
            "cpu": {
                "encoder": (8, 16, 16),
                "decoder": (64,) * 4 + (32,) * 3 + (16,) * 3,
                "temporal": (16, 8, 1),
            },
            "paper": {},
        }
    )
    recipes = MappingProxyType(
        {
            "smoke": Recipe(40, 4, "adam", 3e-3, validate_every=20),
            "cpu": Recipe(9400, 32, "adam", 1e-3, falling_part=0.1, validate_every=500),
            "paper": Recipe(
                300 * 9000 // 32, 32, "adam", 1e-4, falling_part=0.07, validate_every=2000
            ),
        }
    )

    def __init__(self, bases: torch.Tensor | None = None, snr_db: torch.Tensor | None = None):
        self.bases, self.snr_db = bases, snr_db

    def for_recordings(self, recordings: torch.Tensor, snr_db: torch.Tensor) -> "DstDae":
        return DstDae(torch.stack([temporal_bases(one) for one in recordings]), snr_db)

    def network(self, field: Field, **sizes: Any) -> nn.Module:
        return Layers(len(field.gain), len(field.pos_mm), **sizes)

    def draw(self, field: Field, n: int, generator: torch.Generator) -> Examples:
        centre = torch.randint(len(field.pos_mm), (n,), generator=generator)
        patch = grown_patches(field, centre, uniform(0, LARGEST_AREA_MM2, generator, n))
        if self.bases is None:
            bases = damped_sinusoids(N_TEMPORAL_BASES * n, generator).unflatten(0, (n, -1))
            snr_db = uniform(*SNR_DB, generator, n)
        else:
            of = torch.randint(len(self.bases), (n,), generator=generator)
            bases = self.bases[of]
            if self.snr_db is None:
                snr_db = uniform(*SNR_DB, generator, n)
            else:
                snr_db = self.snr_db[of]
        share = uniform(-1, 1, generator, n, 1, bases.shape[1])
        course = share @ bases
        course = course / course.abs().amax(2, keepdim=True).clamp_min(1e-12)
        activity = patch[..., None] * course
        ratio = 10 ** (snr_db / 20)
        return examples(field, centre[:, None], activity, ratio, generator)

    def encode(self, field: Field, data: torch.Tensor) -> torch.Tensor:
        return data / data.abs().amax((1, 2), keepdim=True).clamp_min(1e-30)

    def loss(self, output: torch.Tensor, examples: Examples, field: Field) -> torch.Tensor:
        """The paper's dual loss, means over elements: the clean field's error and the sources'."""
        scale = examples.clean.abs().amax((1, 2), keepdim=True).clamp_min(1e-30)
        error = output - examples.activity
        field_error = (field.gain @ error / scale).square().mean()
        source_error = error.square().mean() + ABSOLUTE_PART * error.abs().mean()
        return FIELD_WEIGHT * field_error + SOURCE_WEIGHT * source_error

    def answer(self, output: torch.Tensor, field: Field) -> torch.Tensor:
        return output


SYSTEM = DstDae()
