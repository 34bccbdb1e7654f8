"""Training of any system: batch norm, dropout, and an optimiser of its paper's choice.

Unlike `pipeline.training.train`, whose networks have neither batch norm nor another optimiser than Adam, it keeps the weights
that validated best as they are, with the running statistics that belong to them, and no mean of weights.
"""

import json
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pipeline.progress import Progress, Stopped
from pipeline.weights import load_checkpoint, save_checkpoint


@dataclass(frozen=True)
class Recipe:
    """How a system is trained.

    Attributes
    ----------
    steps, batch_size : int
    optimizer : str
        "adam" or "sgd".
    learning_rate : float
        Falls linearly to zero over the last `falling_part` of the steps.
    betas : tuple of float
        Of Adam.
    momentum : float
        Of SGD.
    clip : float
        Largest norm of the gradient; 0 for any.
    falling_part : float
    validate_every : int
        Steps; each validation also writes the checkpoint.
    """

    steps: int
    batch_size: int
    optimizer: str
    learning_rate: float
    betas: tuple[float, float] = (0.9, 0.999)
    momentum: float = 0.0
    clip: float = 0.0
    falling_part: float = 0.5
    validate_every: int = 100

    def make(self, module: nn.Module) -> torch.optim.Optimizer:
        if self.optimizer == "sgd":
            return torch.optim.SGD(
                module.parameters(), lr=self.learning_rate, momentum=self.momentum
            )
        return torch.optim.Adam(module.parameters(), lr=self.learning_rate, betas=self.betas)

    def learning_rate_at(self, step: int) -> float:
        if not self.falling_part:
            return self.learning_rate
        left = (self.steps - step) / max(1, round(self.falling_part * self.steps))
        return self.learning_rate * min(1.0, left)


def fit(
    module: nn.Module,
    draw_loss: Callable[[nn.Module, torch.Generator], torch.Tensor],
    validate: Callable[[nn.Module], float],
    recipe: Recipe,
    seed: int,
    folder: Path,
    progress: Progress,
    description: str,
    minutes: float | None = None,
) -> list[dict[str, Any]]:
    """Train `module` in place; leave in it, in evaluation mode, the weights that validated best.

    Killed or stopped and called again with the same arguments, it goes on from the checkpoint in
    `folder` and ends with the same weights.

    Parameters
    ----------
    module : nn.Module
    draw_loss : callable
        From the module in training mode and the generator of fresh examples to their mean loss.
    validate : callable
        From the module in evaluation mode to its loss on fixed examples.
    recipe : Recipe
    seed : int
        Of the examples.
    folder : Path
        For ``checkpoint.safetensors`` and ``curve.json``.
    minutes : float, optional
        After which it ends short of the recipe's steps; called again, it goes on.

    Returns
    -------
    curve : list of dict
        ``step``, ``training_loss`` (None before any training) and ``validation_loss``.

    Raises
    ------
    Stopped
        `progress` asked for it; the checkpoint is written.
    """
    end_s = float("inf") if minutes is None else time.monotonic() + 60 * minutes
    generator = torch.Generator().manual_seed(seed)
    optimizer = recipe.make(module)
    best = deepcopy(module)
    parts = {"module": module, "best": best}
    checkpoint = folder / "checkpoint.safetensors"
    first, summed = 0, 0.0
    if checkpoint.exists():
        first, summed, curve = load_checkpoint(checkpoint, parts, optimizer, generator)
    else:
        curve = [{"step": 0, "training_loss": None, "validation_loss": validate(module.eval())}]
    folder.mkdir(parents=True, exist_ok=True)
    module.train()
    with progress.step(description, recipe.steps) as bar:
        bar.advance(first)
        for step in range(first, recipe.steps):
            optimizer.param_groups[0]["lr"] = recipe.learning_rate_at(step)
            # Dropout draws from torch's own generator: by step, so that a resumed training draws the same.
            torch.manual_seed(step)
            summed += _update(module, optimizer, draw_loss(module, generator), recipe.clip)
            bar.advance()
            done = step + 1
            is_last = done == recipe.steps or time.monotonic() > end_s
            if done % recipe.validate_every == 0 or is_last:
                n_since = done - curve[-1]["step"]
                _note(curve, done, summed / n_since, validate(module.eval()), module, best)
                module.train()
                summed = 0.0
                save_checkpoint(checkpoint, parts, optimizer, generator, done, summed, curve)
                (folder / "curve.json").write_text(json.dumps(curve, indent=1) + "\n")
            elif progress.stop_requested():
                save_checkpoint(checkpoint, parts, optimizer, generator, done, summed, curve)
                raise Stopped(f"{description} goes on from step {done}")
            if is_last:
                break
    module.load_state_dict(best.state_dict())
    module.eval()
    return curve


def _update(
    module: nn.Module, optimizer: torch.optim.Optimizer, loss: torch.Tensor, clip: float
) -> float:
    """Take one step down a loss, by a gradient of at most the norm `clip` where there is one."""
    optimizer.zero_grad()
    loss.backward()
    if clip:
        nn.utils.clip_grad_norm_(module.parameters(), clip)
    optimizer.step()
    return loss.item()


def _note(
    curve: list[dict[str, Any]],
    step: int,
    training_loss: float,
    measured: float,
    module: nn.Module,
    best: nn.Module,
) -> None:
    """Take a validation into the curve, and the weights where none was better."""
    if measured < min(row["validation_loss"] for row in curve):
        best.load_state_dict(module.state_dict())
    curve.append({"step": step, "training_loss": training_loss, "validation_loss": measured})
