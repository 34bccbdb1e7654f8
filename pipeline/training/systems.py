"""Training of a published system for one head: from its name and the head's field to weights and card."""

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pipeline import __version__
from pipeline.errors import InvalidInput
from pipeline.files import write_json
from pipeline.progress import Progress
from pipeline.systems import SIZES, SYSTEMS
from pipeline.systems._fit import fit
from pipeline.systems._system import Field, System
from pipeline.weights import read_weights, write_weights

HELD_OUT_SEED, N_HELD_OUT = 7_000_001, 64
_HINT = "train the system again for this head"


def build(system: System, field: Field, size: str, seed: int) -> nn.Module:
    """The network of a size with random weights; the same seed gives the same."""
    torch.manual_seed(seed)
    return system.network(field, **system.sizes[size])


def fixed_loss(system: System, module: nn.Module, field: Field) -> float:
    """Mean loss on examples of a seed that no training has; for a module in evaluation mode."""
    generator = torch.Generator().manual_seed(HELD_OUT_SEED)
    batch_size = min(N_HELD_OUT, system.recipes["smoke"].batch_size)
    losses = []
    with torch.inference_mode():
        for _ in range(N_HELD_OUT // batch_size):
            drawn = system.draw(field, batch_size, generator)
            output = module(system.encode(field, drawn.data))
            losses.append(system.loss(output, drawn, field).item())
    return sum(losses) / len(losses)


def fingerprint(field: Field) -> str:
    """What weights are bound to: a network of raw channels serves one head under one array only."""
    content = field.gain.numpy().tobytes() + field.pos_mm.numpy().tobytes()
    return hashlib.sha256(content).hexdigest()


def train_system(
    name: str, field: Field, size: str, seed: int, folder: Path, progress: Progress
) -> tuple[nn.Module, dict[str, Any]]:
    """Train a system of `pipeline.systems.SYSTEMS` for a field, or read what was trained for it.

    Checkpoints lie in `folder`; called again after an interruption, it goes on from there.

    Returns
    -------
    module : nn.Module
        In evaluation mode.
    card : dict
        As it is kept with the weights, in ``<name>_<size>.safetensors`` and ``.json``.

    Raises
    ------
    InvalidInput
        No such system or size, or weights in `folder` that are another head's.
    """
    if name not in SYSTEMS or size not in SIZES:
        raise InvalidInput(
            f"there is no system '{name}' of the size '{size}'",
            hint=f"choose one of {', '.join(SYSTEMS)}, and {', '.join(SIZES)}",
        )
    system, weights = SYSTEMS[name], folder / f"{name}_{size}.safetensors"
    module = build(system, field, size, seed)
    if weights.exists():
        return load_system(weights, module, field)
    recipe = system.recipes[size]

    def loss(one: nn.Module, generator: torch.Generator) -> torch.Tensor:
        drawn = system.draw(field, recipe.batch_size, generator)
        return system.loss(one(system.encode(field, drawn.data)), drawn, field)

    curve = fit(
        module,
        loss,
        lambda one: fixed_loss(system, one, field),
        recipe,
        seed,
        folder / f"{name}_{size}",
        progress,
        f"training {system.label}",
    )
    best = min(curve, key=lambda row: row["validation_loss"])
    card = {
        "system": name,
        "label": system.label,
        "reference": system.reference,
        "size": size,
        "answers": system.answers,
        "version": __version__,
        "seed": seed,
        "steps": curve[-1]["step"],
        "examples": curve[-1]["step"] * recipe.batch_size,
        "optimizer": recipe.optimizer,
        "validation": best,
        "untrained": curve[0],
        "field": fingerprint(field),
    }
    write_weights(weights, module, card)
    write_json(weights.with_suffix(".json"), card)
    return module, card


def load_system(weights: Path, module: nn.Module, field: Field) -> tuple[nn.Module, dict[str, Any]]:
    """Weights read into a module of their shape, which must be those of this very field."""
    tensors, card = read_weights(weights, _HINT)
    if card.get("field") != fingerprint(field):
        raise InvalidInput(
            "the weights were trained for another head or other sensors", file=weights, hint=_HINT
        )
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise InvalidInput(
            "the weights do not fit the system of this version", file=weights, hint=_HINT
        ) from error
    return module.eval(), card
