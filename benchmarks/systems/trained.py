"""What was trained in WORK, with how far it came in its name."""

from collections.abc import Callable
from pathlib import Path

import torch

from pipeline.systems import SYSTEMS
from pipeline.systems._system import Field
from pipeline.training.systems import read_trained

Solve = Callable[[torch.Tensor], torch.Tensor]
AT_ONCE = 8


# Trainings other than the published ones, and how a row tells them.
VARIANTS = {
    "": "",
    "of_tested": ", bases and SNR of what is tested",
    "balanced": ", as many deep as cortical",
}


def weights_folder(work: Path, variant: str = "") -> Path:
    return work / "_".join(["weights", variant] if variant else ["weights"])


def trained(work: Path, name: str, field: Field, variant: str = "") -> tuple[str, Solve] | None:
    """A system's label with the steps that it was trained for, and its answers; None where it was not.

    `variant` is one of `VARIANTS`.

    The answers are the network's, which `System.answer` reads, to what `System.encode` made.
    """
    folder = weights_folder(work, variant)
    if not (folder / f"{name}_cpu.safetensors").exists():
        return None
    module, card = read_trained(name, field, "cpu", folder)

    def solve(read: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            answers = [SYSTEMS[name].answer(module(part), field) for part in read.split(AT_ONCE)]
        return torch.cat(answers)

    steps = f"{card['validation']['step']:,} of {card['steps_planned']:,} steps"
    return f"{card['label']}{VARIANTS[variant]}, {steps}", solve
