"""Weights files, and the model that ships."""

import json
import resource
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from fake_head import (
    a_projection,
    same_weights,
)
from safetensors import safe_open
from safetensors.torch import save_file

from pipeline.errors import InvalidInput, MissingResource
from pipeline.networks import build_network
from pipeline.records.model_card import read_card
from pipeline.weights import (
    SHIPPED,
    apply,
    load_model,
    save_model,
)

CARD = {"network": "compact", "input": "projected"}


def test_weights_survive_the_file_and_give_the_same_bytes(tmp_path):
    module = build_network("compact")
    save_model(tmp_path / "a.safetensors", module, CARD)
    save_model(tmp_path / "b.safetensors", module, CARD)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    loaded, card = load_model(tmp_path / "a.safetensors", "compact")
    assert same_weights(module, loaded)
    assert card["input"] == "projected" and len(card["sha256"]) == 64


def test_bad_weights_files_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    with pytest.raises(MissingResource, match="train-generic --network deepsif"):
        load_model("", "deepsif")
    save_model(path, build_network("compact"), CARD)
    with pytest.raises(InvalidInput, match="'compact', not 'deepsif'"):
        load_model(path, "deepsif")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000])
    with pytest.raises(InvalidInput, match="not an intact"):
        load_model(path, "compact")
    path.write_bytes(b"no weights at all")
    with pytest.raises(InvalidInput, match="not an intact"):
        load_model(path, "compact")
    card = CARD | {"architecture": asdict(build_network("compact").architecture)}
    tensors = dict(build_network("compact", n_in=20).state_dict())
    save_file(tensors, path, {"card": json.dumps(card)})
    with pytest.raises(InvalidInput, match="do not fit"):
        load_model(path, "compact")
    tensors = dict(build_network("compact").state_dict())
    tensors["judge.bias"][3] = float("nan")
    save_file(tensors, path, {"card": json.dumps(card)})
    with pytest.raises(InvalidInput, match="not finite"):
        load_model(path, "compact")
    del card["architecture"]["ridge"]
    save_file(tensors, path, {"card": json.dumps(card)})
    with pytest.raises(InvalidInput, match="does not say their network's ridge"):
        load_model(path, "compact")


def test_a_default_that_changes_does_not_change_what_stored_weights_do(tmp_path):
    path = tmp_path / "model.safetensors"
    trained = build_network("compact", faint_region=0.5)
    save_model(path, trained, CARD)
    loaded, card = load_model(path)
    assert loaded.architecture.faint_region == card["architecture"]["faint_region"] == 0.5
    recording, projection = torch.randn(5, 126), a_projection(994)
    assert np.array_equal(
        apply(loaded, recording, projection, 60), apply(trained, recording, projection, 60)
    )
    untrained = build_network("compact")
    untrained.load_state_dict(trained.state_dict())
    assert not np.array_equal(
        apply(untrained, recording, projection, 60), apply(trained, recording, projection, 60)
    )


def test_buffers_are_stored_as_they_are(tmp_path):
    """A count of batches has no fraction, and may exceed what half precision holds."""
    module = build_network("compact")
    module.norm = torch.nn.BatchNorm1d(3)
    module.norm.num_batches_tracked.fill_(200_001)
    module.norm.running_mean.fill_(0.25)
    save_model(tmp_path / "model.safetensors", module, CARD, torch.float16)
    with safe_open(tmp_path / "model.safetensors", "pt") as stored:
        assert stored.get_tensor("norm.num_batches_tracked") == 200_001
        assert stored.get_tensor("norm.running_mean").tolist() == [0.25] * 3


def test_shipped_model_is_better_than_its_input():
    """The card's held-out figures, as shipped, on heads that training never saw."""
    module, card = load_model()
    assert SHIPPED.stat().st_size < 25e6
    whole = {row["method"]: row for row in card["test"] if row["sensor_snr_db"] == [5, 20]}
    assert whole["network"]["n"] >= 1000
    assert whole["network"]["found_to_true_mm_mean"] < 10
    found = "found_to_true_mm_mean"
    assert whole["network"][found] < 0.5 * whole["sloreta"][found]
    assert apply(module, torch.zeros(5, 126), a_projection(994), 60).shape == (994, 126)


def test_weights_that_the_disk_does_not_take_are_an_error_of_the_system(tmp_path):
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            save_model(tmp_path / "weights.safetensors", build_network("compact"), CARD)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


def test_the_shipped_card_says_what_the_report_tells_of_training():
    card = read_card(SHIPPED)
    assert (card.n_heads, card.seed) == (card.config["n_heads"], card.config["seed"])
    assert None not in (card.n_heads, card.seed, card.samples, card.hours_since_last_resume)
    assert replace(card, config=None).n_heads is None
