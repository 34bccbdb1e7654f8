"""Fine-tuning to one head of DeepSIF's geometry."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from torch import nn

from benchmarks.deepsif.candidates import (
    deepsif_library,
    input_head,
    synthesizer,
    with_brain_activity,
)
from benchmarks.deepsif.geometry import DeepSif
from benchmarks.deepsif.heads import SENSOR_NOISE_T
from benchmarks.deepsif.train import SHARES, absolute_part
from pipeline.progress import Progress
from pipeline.synthesis.patches import patch_dictionary
from pipeline.synthesis.population import Member
from pipeline.synthesis.recordings import HeadTensors, prepare_head
from pipeline.training.train import Schedule, train

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


def personal_head(
    leadfield: np.ndarray, pos_mm: np.ndarray, candidate: str, deepsif: DeepSif
) -> HeadTensors:
    """One head, known without error, with the tests' noise and the training's background.

    ``raw`` is fine-tuned as in the paper, to the channels of the head's own array.
    """
    noise_cov = SENSOR_NOISE_T**2 * np.eye(len(leadfield))
    library = deepsif_library("train", deepsif)
    if candidate == "raw":
        return prepare_head(
            leadfield,
            leadfield,
            with_brain_activity(noise_cov, leadfield),
            pos_mm,
            library,
            patch_dictionary(deepsif.graph),
            kind="raw",
            true_noise_cov=noise_cov,
        )
    member = Member(leadfield, leadfield, noise_cov, pos_mm)
    return input_head(member, leadfield, candidate, library, deepsif)


def fine_tune(
    module: nn.Module,
    head: HeadTensors,
    candidate: str,
    deepsif: DeepSif,
    recipe: Recipe,
    measure: Callable[[nn.Module], dict[str, float]],
    validate_every: int,
) -> list[dict]:
    """Train `module` in place; return its curve."""
    schedule = Schedule(
        steps=recipe.steps,
        batch_size=64,
        learning_rate=recipe.learning_rate,
        falling_part=0.0 if recipe.constant else 1.0,
        averaging=0.98,
        absolute_part=absolute_part(candidate),
        validate_every=validate_every,
        patience=recipe.steps,
    )
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(recipe.moving == "all" or name.split(".")[0] in SPATIAL)
    drawn = synthesizer("train", deepsif, SEED, PATCHES_PER_REGION, source_shares=SHARES)
    with TemporaryDirectory() as folder:
        return train(
            module, drawn, [head], measure, schedule, Path(folder), Progress(), "fine-tuning"
        )
