"""Weights on disk: safetensors with the model card in the file's metadata, never pickle."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from pipeline.errors import InvalidInput, MissingGPU, MissingResource
from pipeline.files import atomic_path, sha256
from pipeline.networks import build_network, check_network
from pipeline.projection import Projection

if TYPE_CHECKING:
    from pipeline.networks._network import Network

SHIPPED = Path(str(files("pipeline.networks") / "weights" / "generic_compact.safetensors"))


def resolve_device(device: str) -> str:
    """`device` ("cpu", "cuda" or "auto") as torch names it.

    Raises
    ------
    MissingGPU
        A GPU was asked for and there is none.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise MissingGPU(
            "a GPU was asked for and none is usable",
            hint="use --device cpu, or give the job a GPU, its driver and a CUDA build of torch",
        )
    if device not in ("cpu", "cuda"):
        raise InvalidInput(f"there is no device '{device}'", hint="use auto, cpu or cuda")
    return device


def save_model(path: Path, module: "Network", card: dict, dtype=torch.float32) -> dict:
    """Write weights, architecture and card; the same ones give the same bytes.

    Parameters
    ----------
    card : dict
        JSON values; must hold "network", by its name among `pipeline.networks.NETWORKS`.
    dtype : torch.dtype
        Of numbers with a fraction; float16 halves the file, loading gives float32 again.

    Returns
    -------
    card : dict
        With the architecture, as stored.
    """
    card = card | {"architecture": asdict(module.architecture)}
    write_weights(path, module, card, dtype)
    return card


def write_weights(path: Path, module: nn.Module, card: dict, dtype=torch.float32) -> None:
    """Write weights, buffers and card of any module; the same ones give the same bytes."""
    tensors = {
        name: value.to("cpu", dtype if value.is_floating_point() else value.dtype).contiguous()
        for name, value in _state(module).items()
    }
    with atomic_path(path) as tmp:
        _write(tmp, tensors, {"card": json.dumps(card, allow_nan=False, sort_keys=True)})


def read_weights(path: Path, hint: str) -> tuple[dict[str, torch.Tensor], dict]:
    """What `write_weights` wrote; `InvalidInput` with this hint where it is not intact."""
    try:
        with safe_open(path, "pt") as stored:
            card = json.loads((stored.metadata() or {})["card"])
            return {name: stored.get_tensor(name) for name in stored.keys()}, card
    except (SafetensorError, OSError, KeyError, json.JSONDecodeError) as error:
        raise InvalidInput("this is not an intact weights file", file=path, hint=hint) from error


def load_model(path: Path | str = "", network: str = "compact") -> tuple["Network", dict]:
    """A network and its card, from `path` or, where that is empty, as shipped.

    Returns
    -------
    module : nn.Module
        On the CPU, in evaluation mode.
    card : dict

    Raises
    ------
    MissingResource
        The file does not exist, or no weights of this network ship.
    InvalidInput
        Not a weights file, or one of another network.
    """
    check_network(network)
    path = Path(path) if str(path) else SHIPPED.with_name(f"generic_{network}.safetensors")
    if not path.exists():
        raise MissingResource(
            f"there are no weights of the network '{network}'",
            file=path,
            hint=f"train them with `spikefocus train-generic --network {network}` "
            "and name the file with --generic-model",
        )
    hint = "name a file that `spikefocus train-generic` wrote, or leave the option out"
    tensors, card = read_weights(path, hint)
    try:
        module = build_network(card["network"], **card["architecture"])
    except (KeyError, TypeError) as error:
        raise InvalidInput("this is not an intact weights file", file=path, hint=hint) from error
    # What the card does not say would take today's default, whatever the weights were trained with.
    unsaid = set(asdict(module.architecture)) - set(card["architecture"])
    if unsaid:
        raise InvalidInput(
            f"the weights' card does not say their network's {', '.join(sorted(unsaid))}",
            file=path,
            hint=hint,
        )
    if card["network"] != network:
        raise InvalidInput(
            f"the weights are of the network '{card['network']}', not '{network}'",
            file=path,
            hint=f"use --network {card['network']} or other weights",
        )
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise InvalidInput(
            f"the weights do not fit the network '{network}' of this version", file=path, hint=hint
        ) from error
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise InvalidInput("the weights hold values that are not finite", file=path, hint=hint)
    card["sha256"] = sha256(path)
    return module.eval(), card


def apply(
    module: nn.Module, recording: torch.Tensor, projection: Projection, peak: int
) -> np.ndarray:
    """Run a network on one prepared recording (rank, n_times) of a spike whose peak is a sample.

    Returns
    -------
    activity : ndarray float32, (994, n_times)
    """
    with torch.inference_mode():
        return module(recording[None], projection, torch.tensor([peak]))[0].numpy()


def _state(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach() for name, value in module.state_dict().items()}


def save_checkpoint(
    path, parts: Mapping[str, nn.Module], optimizer, generator, step, training_loss, curve
) -> None:
    """Everything that training needs to go on as if it had not stopped."""
    tensors = {"generator": generator.get_state()}
    for part, module in parts.items():
        tensors |= {f"{part}/{name}": value.cpu() for name, value in _state(module).items()}
    for index, state in optimizer.state_dict()["state"].items():
        # SGD without momentum keeps a name for what it has not.
        kept = {name: value for name, value in state.items() if value is not None}
        tensors |= {f"optimizer/{index}/{name}": value.cpu() for name, value in kept.items()}
    with atomic_path(path) as tmp:
        _write(
            tmp,
            # Clones: safetensors refuses tensors that share memory.
            {name: value.clone().contiguous() for name, value in tensors.items()},
            # A float's JSON gives back the same float.
            {
                "step": str(step),
                "training_loss": json.dumps(training_loss),
                "curve": json.dumps(curve),
            },
        )


def _write(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> None:
    """By Python, whose errors say that a disk is full; those of safetensors do not."""
    path.write_bytes(save(tensors, metadata))


def load_checkpoint(
    path, parts: Mapping[str, nn.Module], optimizer, generator
) -> tuple[int, float, list]:
    """Restore what `save_checkpoint` kept; return the next step, the loss since the last row, and the curve."""
    with safe_open(path, "pt") as stored:
        metadata = stored.metadata()
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}
    for part, module in parts.items():
        prefix = f"{part}/"
        module.load_state_dict(
            {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        )
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer/"):
            _, index, key = name.split("/")
            moments.setdefault(int(index), {})[key] = value
    state = optimizer.state_dict()
    optimizer.load_state_dict({"state": moments, "param_groups": state["param_groups"]})
    generator.set_state(tensors["generator"])
    curve = json.loads(metadata["curve"])
    # Version 0.1.0 wrote checkpoints only where the loss starts anew.
    return int(metadata["step"]), json.loads(metadata.get("training_loss", "0.0")), curve
