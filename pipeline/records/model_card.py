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
class Said:
    """Of test recordings in which a probability from one number to another was said, how many had a source there."""

    said_from: float
    said_to: float
    n: int
    said: float
    right: float


@dataclass(frozen=True, kw_only=True)
class Existence:
    """How far a network's word that there is a source where it finds one can be trusted.

    Attributes
    ----------
    threshold : float
        Exceeded by at most 5 % of each validation head's recordings without a source.
    n_silent, n_with_source : int
        Test recordings, on other heads.
    named_silent, named_with_source : float
        Share of them above the threshold.
    reliability : tuple of Said
    """

    threshold: float
    n_silent: int
    n_with_source: int
    named_silent: float
    named_with_source: float
    reliability: tuple[Said, ...]


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
    existence : Existence or None
        None of networks that do not say whether there is a source.
    start_sha256 : str or None
        Of the weights that training began with.
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
    existence: Existence | None = None
    start_sha256: str | None = None

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
