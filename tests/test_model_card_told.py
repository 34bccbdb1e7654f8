"""What the report's model card tells of the weights."""

from dataclasses import fields
from types import SimpleNamespace

from pipeline.networks.compact import CompactArchitecture
from pipeline.records.model_card import ModelCard
from reports import personalization


def test_the_model_card_names_what_was_chosen_after_training(monkeypatch):
    constants = {"faint_region": 0.3, "least_existence": 0.45}
    assert set(personalization.AFTER_TRAINING) == set(constants)
    assert set(constants) <= {field.name for field in fields(CompactArchitecture)}
    card = ModelCard(network="compact", input="projected", architecture=constants | {"other": 7})
    monkeypatch.setattr(personalization, "_card", lambda weights: card)
    patient = SimpleNamespace(
        qc=SimpleNamespace(
            personalize=SimpleNamespace(improved=False, generic_model="", network="compact")
        )
    )
    facts = dict(personalization.model_card(patient, SimpleNamespace(model=None, qc=None))["facts"])
    told = {name: value for name, value in facts.items() if "chosen after training" in name}
    assert sorted(told.values()) == ["0.3", "0.45"]
