"""The network that was fine-tuned to the patient's head."""

from typing import Any

from pipeline.methods import generic
from pipeline.methods._method import NetworkMethod
from pipeline.paths import PatientPaths
from pipeline.records.personalize_qc import read_personalize_qc


def load(paths: PatientPaths) -> tuple[Any, dict[str, Any]]:
    """The weights that the personalize stage left, or else those that it started from; with their card.

    Versions up to 0.1.0 stored the generic weights again where fine-tuning had not helped.
    """
    from pipeline.weights import load_model  # torch takes seconds

    chosen = read_personalize_qc(paths)
    if not chosen.improved and not paths.model.exists():
        return generic.load(paths)
    return load_model(paths.model, chosen.network)


METHOD = NetworkMethod(
    label="Personalized network",
    short="personalized",
    order=0,
    marker="o",
    colour="black",
    sentence="the network personalized to the head",
    by_default=True,
    fine_tuned=True,
    load=load,
)
