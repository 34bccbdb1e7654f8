"""The network that was fine-tuned to the patient's head."""

from typing import Any

from pipeline.methods._method import NetworkMethod
from pipeline.paths import PatientPaths
from pipeline.records.personalize_qc import read_personalize_qc


def load(paths: PatientPaths) -> tuple[Any, dict[str, Any]]:
    """The weights that the personalize stage left, with their card."""
    from pipeline.weights import load_model  # torch takes seconds

    return load_model(paths.model, read_personalize_qc(paths).network)


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
