"""What weights say of themselves, in the header of their file: the model card."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import safe_open

from pipeline.errors import InvalidInput
from pipeline.records.document import AMONG_THE_KEYS, Unfit, part_of
from pipeline.records.personalize_qc import ErrorsQC


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Errors of a method on `n` recordings that training never saw, of some sensor SNR (dB)."""

    method: str
    sensor_snr_db: tuple[float, float]
    n: int
    errors: ErrorsQC = field(metadata=AMONG_THE_KEYS)


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """A model card; weights fine-tuned to a head do not repeat how the generic ones were trained.

    Attributes
    ----------
    network, input : str
    architecture : dict
        By the fields of the network's ``Architecture``.
    personalized : bool or None
        Whether the weights are fine-tuned; None of generic ones.
    version : str or None
        Of spikefocus, that trained them.
    config : dict or None
        Options of the training.
    samples : int or None
        Synthetic recordings that they were trained on.
    hours_since_last_resume : float or None
    test : tuple of HeldOut, or None
    """

    network: str
    input: str
    architecture: dict[str, Any]
    personalized: bool | None = None
    version: str | None = None
    config: dict[str, Any] | None = None
    samples: int | None = None
    hours_since_last_resume: float | None = None
    test: tuple[HeldOut, ...] | None = None

    @property
    def n_heads(self) -> int | None:
        """Random heads that generic weights were trained on."""
        return (self.config or {}).get("n_heads")

    @property
    def seed(self) -> int | None:
        return (self.config or {}).get("seed")


def read_card(weights: Path) -> ModelCard:
    """The card of a weights file; one made by another version may say more.

    Raises
    ------
    InvalidInput
        The file has no card, or one that lacks what every card says.
    """
    with safe_open(weights, framework="numpy") as stored:
        metadata = stored.metadata() or {}
    try:
        return part_of(ModelCard, json.loads(metadata["card"]))
    except (KeyError, ValueError) as error:
        said = str(error) if isinstance(error, Unfit) else "it has no model card"
        raise InvalidInput(
            f"the weights file is not what this version writes: {said}",
            file=weights,
            hint="name a file that `spikefocus train-generic` wrote, and run personalize again",
        ) from error
