"""The network as it was before it was fine-tuned to the patient's head."""

from typing import Any

from pipeline.errors import InvalidInput
from pipeline.methods._method import NetworkMethod
from pipeline.paths import PatientPaths
from pipeline.records.personalize_qc import read_personalize_qc


def load(paths: PatientPaths) -> tuple[Any, dict[str, Any]]:
    """The weights that fine-tuning started from, with their card; InvalidInput if others are there."""
    from pipeline.weights import load_model  # torch takes seconds

    chosen = read_personalize_qc(paths)
    module, card = load_model(chosen.generic_model, chosen.network)
    if card["sha256"] != chosen.generic_model_sha256:
        raise InvalidInput(
            "the generic model is not the one that was personalized",
            file=chosen.generic_model or None,
            hint="run the personalize stage again",
        )
    return module, card


METHOD = NetworkMethod(
    label="Generic network",
    short="generic",
    order=10,
    marker="s",
    colour="#555555",
    sentence="the generic network, not fine-tuned",
    by_default=True,
    load=load,
)
