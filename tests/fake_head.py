"""A fake head, whose field is smooth over the cortex so that neighbouring regions look alike."""

from functools import cache

import numpy as np
import torch

from pipeline.projection import Projection
from pipeline.synthesis.library import load_library
from pipeline.synthesis.patches import PatchDictionary, patch_bank, template_graph
from pipeline.synthesis.recordings import HeadTensors, Synthesizer, prepare_head

N_CHANNELS = 30
SMALL_DICTIONARY = PatchDictionary(
    torch.eye(994), torch.as_tensor(template_graph().adjacency).float()
)


def fake_leadfield() -> np.ndarray:
    rng = np.random.default_rng(0)
    smooth = np.exp(-((template_graph().distance_mm / 25) ** 2))
    return 1e-6 * rng.normal(size=(N_CHANNELS, 994)) @ smooth


def fake_noise_cov() -> np.ndarray:
    return np.diag(np.random.default_rng(1).uniform(0.5, 2, N_CHANNELS)) * 1e-26


def fake_head() -> HeadTensors:
    pos_mm = np.random.default_rng(2).uniform(-60, 60, (994, 3))
    leadfield = fake_leadfield()
    library = load_library("test")
    return prepare_head(leadfield, leadfield, fake_noise_cov(), pos_mm, library, SMALL_DICTIONARY)


@cache
def small_patch_bank() -> tuple[np.ndarray, np.ndarray]:
    return patch_bank(template_graph(), 1, 0)


def synthesizer(seed: int = 1) -> Synthesizer:
    return Synthesizer(load_library("test"), template_graph(), *small_patch_bank(), seed)


def a_projection(n_in, n_sensors=5):
    rng = torch.Generator().manual_seed(0)
    return Projection(
        torch.randn(n_in, n_sensors, generator=rng), torch.randn(n_sensors, 994, generator=rng)
    )


def same_weights(first, second):
    return all(
        torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )
