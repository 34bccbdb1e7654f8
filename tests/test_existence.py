"""Whether there is a source: what a network says, how that is measured, and what becomes of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_head import a_projection, fake_head, small_patch_bank

from pipeline.image import stage
from pipeline.methods._network import Network
from pipeline.networks import build_network
from pipeline.networks._hearing import believed
from pipeline.networks._network import Answer
from pipeline.records.image_qc import ExistenceQC
from pipeline.synthesis.library import load_library
from pipeline.synthesis.patches import template_graph
from pipeline.synthesis.recordings import Synthesizer
from pipeline.training.card import card_markdown
from pipeline.training.existence import (
    existence_of,
    measure_existence,
    reliability,
    threshold_of,
)
from pipeline.training.generic import TrainConfig, partly_known, start_from
from pipeline.weights import save_model

AT = torch.tensor([60])


class Oracle:
    """Finds the first patch, or the last region where there is none; surer of what is stronger."""

    def __init__(self, shift=0.0):
        self.shift = shift

    def answer(self, recording, projection, peak):
        batch = Oracle.batch
        sources = torch.where(batch.silent[:, None], torch.eye(994)[-1], batch.magnitude[:, 0])
        other = torch.eye(994)[:1].expand(len(sources), -1)
        said = torch.where(batch.silent, -1.0, batch.source_snr_db) + self.shift
        return Answer(
            activity=recording,
            sources=torch.stack([0.1 * other, sources], 1),
            gate=torch.tensor([[0.5, 0.9]]).expand(len(sources), -1),
            existence=torch.stack([torch.full_like(said, 99.0), said], 1),
        )


class Kept(Synthesizer):
    """Tells the oracle what it draws."""

    def batch(self, *args):
        Oracle.batch = super().batch(*args)
        return Oracle.batch


def drawn(seed: int) -> Kept:
    return Kept(
        load_library("test"),
        template_graph(),
        *small_patch_bank(),
        seed,
        source_snr_db=(-2.0, 2.0),
        silent_share=0.5,
    )


@pytest.fixture(scope="module")
def head():
    return fake_head()


def test_the_main_source_is_asked_and_compared_with_the_truth(head):
    seen = existence_of(Oracle(), drawn(1), [head, head], 60, 20)
    assert len(seen["said"]) == 120 and 30 < seen["silent"].sum() < 90
    # A source is where its patch is; where there is none, nothing is right.
    assert (seen["right"] == ~seen["silent"]).all()
    logit = np.log(seen["said"] / (1 - seen["said"]))
    expected = np.where(seen["silent"], -1.0, seen["source_snr_db"])
    assert logit == pytest.approx(expected, abs=1e-3)


def test_the_threshold_comes_from_validation_and_is_judged_on_tests(head):
    """The oracle says -1 of silence and more than that of three quarters of the sources."""
    own = (drawn(1), [head, head])
    found = measure_existence(Oracle(), own, (drawn(2), [head, head]), 60, 20)
    assert found["threshold"] == pytest.approx(1 / (1 + np.e), abs=1e-3)
    assert found["n_silent"] + found["n_with_source"] == 120
    assert found["named_silent"] in (0.0, 1.0)
    assert found["named_with_source"] == pytest.approx(0.75, abs=0.12)
    assert sum(row["n"] for row in found["reliability"]) == 120


def test_at_most_one_in_twenty_of_any_heads_recordings_without_a_source_exceeds_the_threshold():
    said = np.concatenate([np.linspace(0, 0.5, 1001), np.linspace(0, 0.3, 1001), np.ones(50)])
    silent, head = said <= 0.5, np.repeat([0, 1, 2], [1001, 1001, 50])
    assert threshold_of(said, silent, head) == pytest.approx(0.475)
    both = np.zeros(len(said), int)
    assert threshold_of(said, silent, both) == pytest.approx(0.45, abs=0.005)


def test_sources_that_probably_do_not_exist_are_silent_but_for_the_most_probable_one():
    gate = torch.tensor([[1.0, 0.5, 0.3, 0.0]])
    said = torch.tensor([[0.6, 0.46, 0.44, 0.9]]).logit()
    assert believed(said, gate, 0.45).tolist() == [[1, 1, 0, 0]]
    assert believed(torch.tensor([[0.2, 0.3, 0.1, 0.9]]).logit(), gate, 0.45).tolist() == [
        [0, 1, 0, 0]
    ]
    assert believed(said, gate, 0.0).tolist() == [[1, 1, 1, 1]]


def test_what_is_not_believed_is_not_in_the_activity_and_still_learns(head):
    torch.manual_seed(0)
    module = build_network("compact", n_in=994, faint_gate=0.0).eval()
    with torch.no_grad():
        module.judge.bias.zero_()
        module.existence[2].weight.zero_()
        module.existence[2].bias.copy_(torch.tensor([-3.0, 3.0, -3.0, -3.0]))
    recording = torch.randn(2, len(head.field), 125)
    with torch.inference_mode():
        answer = module.answer(recording, head.projection, AT.expand(2))
    assert (answer.gate > 0).tolist() == [[False, True, False, False]] * 2
    assert answer.main_source.tolist() == [1, 1]
    course = answer.activity[0, answer.sources[0, 1].abs().argmax()]
    alone = answer.sources[0, 1][:, None] * (course / answer.sources[0, 1].abs().max())
    assert torch.allclose(answer.activity[0].abs(), alone.abs(), atol=1e-5)
    heard = module.train().answer(recording, head.projection, AT.expand(2))
    assert (heard.gate > 0).sum() > 2


def test_reliability_is_told_by_what_was_said():
    said = np.array([0.05, 0.15, 0.7, 0.7, 1.0])
    right = np.array([False, True, True, False, True])
    rows = reliability(said, right)
    assert [(row["said_from"], row["said_to"], row["n"]) for row in rows] == [
        (0.0, 0.2, 2),
        (0.6, 0.8, 2),
        (0.9, 1.0, 1),
    ]
    assert [row["said"] for row in rows] == [0.1, 0.7, 1.0]
    assert [row["right"] for row in rows] == [0.5, 0.5, 1.0]


def test_the_compact_network_looks_about_the_peak(head):
    """Of two patches, one active at either half, it finds the one that is active at the peak."""
    torch.manual_seed(0)
    module = build_network("compact", n_in=994).eval()
    sources = torch.zeros(2, 994)
    sources[0, 10], sources[1, 500] = 1.0, 1.0
    time = torch.arange(125.0)
    courses = torch.stack([torch.exp(-0.5 * ((time - at) / 3) ** 2) for at in (30, 95)])
    recording = head.projection.leadfield @ sources.T @ courses
    recording = recording + 0.02 * torch.randn(recording.shape) * recording.std()
    for at, region in ((30, 10), (95, 500)):
        with torch.inference_mode():
            answer = module.answer(recording[None], head.projection, torch.tensor([at]))
        assert int(answer.sources[0, 0].abs().argmax()) == region
    assert answer.existence.shape == (1, 4)
    window = module.window(125, torch.tensor([30]))
    assert window[0, 30] == 1 and window[0, 124] == pytest.approx(0.2, abs=1e-3)
    # One standard deviation, 50 ms, is between six and seven samples.
    assert window[0, 36] > 0.2 + 0.8 * np.exp(-0.5) > window[0, 37]


def test_a_network_without_hidden_units_for_existence_says_nothing(head):
    module = build_network("compact", n_in=994, n_existence=0)
    recording = torch.randn(2, head.projection.kernel.shape[1], 125)
    answer = module.answer(recording, head.projection, torch.tensor([60, 60]))
    assert answer.existence is None and answer.activity.shape == (2, 994, 125)


def a_network(threshold) -> Network:
    module = build_network("compact", n_in=20).eval()
    times_s = (np.arange(125) - 60) / 125
    return Network(module, np.eye(5), a_projection(20), 0, times_s, 125.0, "projected", threshold)


def test_an_average_is_asked_where_the_weights_have_a_threshold():
    data = np.random.default_rng(0).normal(size=(5, 125))
    assert a_network(None).existence(data) is None
    torch.manual_seed(1)
    network = a_network(0.3)
    said = network.existence(data)
    assert said.threshold == 0.3 and 0 < said.probability < 1
    peak = network.peak
    assert peak == 60
    answer = network.module.answer(network._read(data)[None], network.projection, AT)
    assert said.probability == pytest.approx(answer.main_existence.item(), abs=1e-3)


@pytest.mark.parametrize(("probability", "warned"), [(0.2, True), (0.3, True), (0.31, False)])
def test_a_network_that_rather_says_nothing_is_told(probability, warned):
    said = ExistenceQC(probability=probability, threshold=0.3)
    warnings = stage._existence_warnings("personalized", said)
    assert len(warnings) == warned
    assert not warned or f"probability of {probability:.2f}" in warnings[0]
    assert stage._existence_warnings("personalized", None) == []


def test_what_is_known_of_the_noise_keeps_each_channels_power():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(6, 6))
    cov = mixing @ mixing.T
    off = ~np.eye(6, dtype=bool)
    shares = []
    for _ in range(2000):
        known = partly_known(cov, rng)
        if known is None:
            shares.append(1.0)
            continue
        assert np.allclose(np.diag(known), np.diag(cov))
        share = known[off] / cov[off]
        assert np.ptp(share) < 1e-9
        shares.append(share[0])
    shares = np.array(shares)
    assert np.mean(shares == 0) == pytest.approx(0.25, abs=0.03)
    assert np.mean(shares == 1) == pytest.approx(0.5, abs=0.035)
    assert ((shares >= 0) & (shares <= 1)).all()


def test_training_goes_on_from_weights_that_lack_a_part(tmp_path):
    older = build_network("compact", n_in=20, n_existence=0)
    save_model(tmp_path / "older.safetensors", older, {"network": "compact"})
    newer = build_network("compact", n_in=20)
    random = newer.existence[0].weight.clone()
    start_from(newer, tmp_path / "older.safetensors")
    assert torch.equal(newer.features.weight, older.features.weight)
    assert torch.equal(newer.existence[0].weight, random)
    with pytest.raises(Exception, match="do not fit this network"):
        start_from(build_network("compact", n_in=30), tmp_path / "older.safetensors")


def test_a_card_says_how_far_to_trust_and_what_training_began_with():
    row = {"method": "network", "sensor_snr_db": (5, 20), "n": 3}
    row |= {
        f"{name}_{kind}": 1.0
        for name in ("found_to_true_mm", "true_to_found_mm", "maximum_to_centre_mm")
        for kind in ("mean", "sd", "median")
    }
    config = TrainConfig(arrays=("ctf151",), learning_rate=3e-4)
    card = {
        "network": "compact",
        "input": "projected",
        "config": vars(config),
        "samples": 64,
        "hours_since_last_resume": 0.1,
        "test": [row],
        "start_sha256": "abc",
        "existence": {
            "threshold": 0.31,
            "n_silent": 40,
            "n_with_source": 60,
            "named_silent": 0.05,
            "named_with_source": 0.9,
            "reliability": [{"said_from": 0.9, "said_to": 1.0, "n": 5, "said": 0.95, "right": 0.8}],
        },
    }
    text = card_markdown(card)
    assert "Above 0.31" in text and "5.0 % of 40 recordings without" in text
    assert "90.0 % of 60 with a source" in text and "| 0.9-1 | 5 | 0.95 | 0.8 |" in text
    assert "SHA-256 is abc" in text and "--learning-rate 0.0003 --start WEIGHTS" in text
    assert "-5 to 20 dB" in text and "sensor SNR 0 to 20 dB" in text
    plain = card_markdown(card | {"start_sha256": None, "existence": None})
    assert "--start" not in plain and "Above" not in plain


def test_existence_is_learned_and_leaves_the_sources_alone(head):
    """Its loss has no gradient but in its own layers."""
    module = build_network("compact", n_in=994)
    recording = torch.randn(2, head.projection.kernel.shape[1], 125)
    answer = module.answer(recording, head.projection, torch.tensor([60, 60]))
    answer.existence.sum().backward()
    moved = {name for name, weight in module.named_parameters() if weight.grad is not None}
    assert moved and all(name.startswith("existence.") for name in moved)


def test_answers_without_sources_have_no_main_one():
    with pytest.raises(AssertionError):
        _ = replace(Answer(torch.zeros(1)), gate=torch.ones(1, 1)).main_source
