"""Fine-tuning to one head of DeepSIF's geometry."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from torch import nn

from benchmarks.deepsif.candidates import deepsif_library, input_head, synthesizer
from benchmarks.deepsif.geometry import DeepSif
from benchmarks.deepsif.train import SHARPER_PART
from pipeline.networks.train import Plan, train
from pipeline.progress import Progress
from pipeline.synthesis.population import Member, random_noise_cov
from pipeline.synthesis.recordings import HeadTensors

N_NOISES = 6
PATCHES_PER_REGION = 12
SEED = 7
SPATIAL = ("deblur",)


@dataclass(frozen=True)
class Recipe:
    """How to fine-tune, in batches of 64.

    Attributes
    ----------
    steps : int
    learning_rate : float
        Falling to zero unless `constant`.
    moving : str
        "all" weights, or "spatial": those of the temporal part stay.
    """

    steps: int
    learning_rate: float
    moving: str = "all"
    constant: bool = False


# Chosen on validation heads (`tables.py recipes`).
CHOSEN = Recipe(steps=200, learning_rate=3e-4)


def personal_heads(
    leadfield: np.ndarray, pos_mm: np.ndarray, candidate: str, deepsif: DeepSif
) -> list[HeadTensors]:
    """One head under random noise, all known without error."""
    rng = np.random.default_rng(SEED)
    library = deepsif_library("train", deepsif)
    kinds = ["mag"] * len(leadfield)
    members = [
        Member(
            leadfield,
            leadfield,
            random_noise_cov(leadfield, kinds, deepsif.graph.adjacency, rng),
            pos_mm,
        )
        for _ in range(N_NOISES)
    ]
    return [input_head(m, m.true_leadfield, candidate, library, deepsif) for m in members]


def fine_tune(
    module: nn.Module,
    heads: list[HeadTensors],
    deepsif: DeepSif,
    recipe: Recipe,
    measure: Callable[[nn.Module], dict[str, float]],
    validate_every: int,
) -> list[dict]:
    """Train `module` in place; return its curve."""
    plan = Plan(
        steps=recipe.steps,
        batch_size=64,
        learning_rate=recipe.learning_rate,
        falling_part=0.0 if recipe.constant else 1.0,
        averaging=0.98,
        absolute_part=SHARPER_PART,
        validate_every=validate_every,
        patience=recipe.steps,
    )
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(recipe.moving == "all" or name.split(".")[0] in SPATIAL)
    drawn = synthesizer("train", deepsif, SEED, PATCHES_PER_REGION)
    with TemporaryDirectory() as folder:
        return train(module, drawn, heads, measure, plan, Path(folder), Progress(), "fine-tuning")
