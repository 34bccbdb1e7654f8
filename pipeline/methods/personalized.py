"""The network that was fine-tuned to the patient's head."""

from typing import Any

from pipeline.files import read_json
from pipeline.methods._method import NetworkMethod
from pipeline.paths import PatientPaths


def load(paths: PatientPaths) -> tuple[Any, dict[str, Any]]:
    """The weights that the personalize stage left, with their card."""
    from pipeline.weights import load_model  # torch takes seconds

    return load_model(paths.model, read_json(paths.qc("personalize"))["network"])


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
