"""Training of a published system for one head: from its name and the head's field to weights and card."""

import hashlib
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pipeline import __version__
from pipeline.errors import InvalidInput
from pipeline.files import write_json
from pipeline.progress import Progress
from pipeline.systems import SIZES, SYSTEMS
from pipeline.systems._fit import Recipe, fit
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
    if field.origin:
        return field.origin
    known = [field.gain, field.pos_mm]
    if field.deep is not None:
        known += [field.deep.gain, field.deep.pos_mm]
    return hashlib.sha256(b"".join(each.numpy().tobytes() for each in known)).hexdigest()


def train_system(
    name: str,
    field: Field,
    size: str,
    seed: int,
    folder: Path,
    progress: Progress,
    minutes: float | None = None,
    system: System | None = None,
    steps: int | None = None,
) -> tuple[nn.Module, dict[str, Any]]:
    """Train a system of `pipeline.systems.SYSTEMS` for a field, or read what was trained for it.

    Checkpoints lie in `folder`; called again after an interruption, or after the time that it was
    given, it goes on from there. Weights that were trained for another field make way.

    Parameters
    ----------
    minutes : float, optional
        After which it ends with the weights that validated best so far.
    system : System, optional
        The one of that name as it is made for certain recordings.
    steps : int, optional
        Of a shorter training than the size's own, whose learning rate falls to zero all the same.

    Returns
    -------
    module : nn.Module
        In evaluation mode.
    card : dict
        As it is kept with the weights, in ``<name>_<size>.safetensors`` and ``.json``.

    Raises
    ------
    InvalidInput
        No such system or size.
    """
    if name not in SYSTEMS or size not in SIZES:
        raise InvalidInput(
            f"there is no system '{name}' of the size '{size}'",
            hint=f"choose one of {', '.join(SYSTEMS)}, and {', '.join(SIZES)}",
        )
    system, weights = system or SYSTEMS[name], folder / f"{name}_{size}.safetensors"
    module = build(system, field, size, seed)
    recipe = system.recipes[size]
    recipe = replace(recipe, steps=steps or recipe.steps)
    if weights.exists():
        card = read_weights(weights, _HINT)[1]
        if card.get("field") == fingerprint(field) and card["steps"] == recipe.steps:
            return load_system(weights, module, field)
    checkpoints = folder / f"{name}_{size}_{fingerprint(field)[:12]}"

    def loss(one: nn.Module, generator: torch.Generator) -> torch.Tensor:
        drawn = system.draw(field, recipe.batch_size, generator)
        return system.loss(one(system.encode(field, drawn.data)), drawn, field)

    curve = fit(
        module,
        loss,
        lambda one: fixed_loss(system, one, field),
        recipe,
        seed,
        checkpoints,
        progress,
        f"training {system.label}",
        minutes,
    )
    card = {
        "system": name,
        "size": size,
        "seed": seed,
        "field": fingerprint(field),
        **_told(system, recipe, curve),
        "steps_planned": system.recipes[size].steps,
    }
    write_weights(weights, module, card)
    write_json(weights.with_suffix(".json"), card)
    if card["steps"] == recipe.steps:
        shutil.rmtree(checkpoints)
    return module, card


def _told(system: System, recipe: Recipe, curve: list[dict[str, Any]]) -> dict[str, Any]:
    """What a card tells of a training, whatever it was for."""
    steps = curve[-1]["step"]
    return {
        "label": system.label,
        "reference": system.reference,
        "answers": system.answers,
        "version": __version__,
        "steps": steps,
        "examples": steps * recipe.batch_size,
        "optimizer": recipe.optimizer,
        "validation": min(curve, key=lambda row: row["validation_loss"]),
        "untrained": curve[0],
    }


def minutes_of_training(name: str, size: str, n_channels: int, n_sources: int = 994) -> float:
    """How long a training will take on this machine, from the time of one of its steps."""
    system, generator = SYSTEMS[name], torch.Generator().manual_seed(0)
    recipe = system.recipes[size]
    places = torch.nn.functional.normalize(torch.randn(n_channels, 3, generator=generator), dim=1)
    field = Field(
        gain=torch.randn(n_channels, n_sources, generator=generator),
        pos_mm=70 * torch.randn(n_sources, 3, generator=generator),
        neighbours=torch.eye(n_sources, dtype=torch.bool),
        area_mm2=torch.full((n_sources,), 200.0),
        sensor_pos_mm=110 * places.abs(),
    )
    module = build(system, field, size, seed=0).train()
    optimizer = recipe.make(module)
    for _ in range(2):  # the first one is slower
        begin_s = time.perf_counter()
        drawn = system.draw(field, recipe.batch_size, generator)
        system.loss(module(system.encode(field, drawn.data)), drawn, field).backward()
        optimizer.step()
        seconds = time.perf_counter() - begin_s
    return seconds * recipe.steps / 60


def read_trained(
    name: str, field: Field, size: str, folder: Path
) -> tuple[nn.Module, dict[str, Any]]:
    """What `train_system` left in `folder`, however far it came: module and model card."""
    module = build(SYSTEMS[name], field, size, seed=0)
    return load_system(folder / f"{name}_{size}.safetensors", module, field)


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
