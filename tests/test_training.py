"""The training loop, and the generic training around it."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from fake_head import (
    N_CHANNELS,
    SMALL_DICTIONARY,
    fake_head,
    same_weights,
    small_patch_bank,
    synthesizer,
)

from pipeline.errors import InvalidInput, OutOfMemory
from pipeline.networks import build_network
from pipeline.networks._network import Answer, Network
from pipeline.networks.deepsif import DeepSIF
from pipeline.progress import Progress, Stopped
from pipeline.projection import (
    prepare_recording,
    project_head,
)
from pipeline.synthesis.library import load_library
from pipeline.synthesis.patches import template_graph
from pipeline.synthesis.recordings import ONE_SOURCE, Synthesizer
from pipeline.training import generic
from pipeline.training.evaluate import METRICS
from pipeline.training.generic import TrainConfig, train_generic
from pipeline.training.train import (
    Schedule,
    batch_size_that_fits,
    is_near_source,
    relative_error,
    train,
    validate,
)
from pipeline.weights import apply, load_model

SCHEDULE = Schedule(
    steps=6,
    batch_size=4,
    learning_rate=1e-3,
    falling_part=0.5,
    averaging=0.9,
    validate_every=2,
    patience=99,
)
QUIET = Progress()


@pytest.fixture(scope="module")
def head():
    return fake_head()


def run_training(folder, head, schedule=SCHEDULE, progress=QUIET):
    torch.manual_seed(0)
    module = build_network("compact")
    batches = [synthesizer(2).batch(head, 4, ONE_SOURCE)]
    curve = train(
        module,
        synthesizer(),
        [head, head],
        lambda averaged: validate(averaged, batches, [head]),
        schedule,
        folder,
        progress,
        "training",
    )
    return module, curve


def test_training_twice_and_training_interrupted_give_the_same_weights(tmp_path, head):
    first, curve = run_training(tmp_path / "a", head)
    again, _ = run_training(tmp_path / "b", head)
    assert same_weights(first, again)
    assert [row["step"] for row in curve] == [0, 2, 4, 6]
    assert len((tmp_path / "a" / "curve.tsv").read_text().splitlines()) == 5

    class Killed(Exception):
        pass

    class Kill(Progress):
        def step(self, description, total=None):
            bar = super().step(description, total)

            class Bar:
                done = 0

                def __enter__(self):
                    return self

                def __exit__(self, *_):
                    bar.gen.close()

                def advance(self, n=1):
                    self.done += n
                    if self.done == 5:
                        raise Killed

            return Bar()

    torch.manual_seed(0)
    module = build_network("compact")
    batches = [synthesizer(2).batch(head, 4, ONE_SOURCE)]

    def go_on(progress):
        return train(
            module,
            synthesizer(),
            [head, head],
            lambda averaged: validate(averaged, batches, [head]),
            SCHEDULE,
            tmp_path / "c",
            progress,
            "training",
        )

    with pytest.raises(Killed):
        go_on(Kill())
    torch.manual_seed(99)
    module = build_network("compact")
    assert go_on(Progress()) == curve
    assert same_weights(first, module)


def test_training_stopped_between_validations_goes_on_to_the_same_curve(tmp_path, head):
    whole, curve = run_training(tmp_path / "a", head)

    class StopEachTime(Progress):
        def stop_requested(self):
            return True

    for step in (1, 2, 3, 4, 5):
        with pytest.raises(Stopped, match=f"from step {step}"):
            run_training(tmp_path / "b", head, progress=StopEachTime())
    module, resumed = run_training(tmp_path / "b", head)
    assert resumed == curve
    assert same_weights(whole, module)


def test_training_lowers_the_error(tmp_path, head):
    schedule = Schedule(40, 16, 1e-3, 0.3, 0.9, 10, 99)
    _, curve = run_training(tmp_path, head, schedule)
    assert curve[-1]["validation_loss"] < 0.97 * curve[0]["validation_loss"]


def test_training_stops_when_validation_does_not_improve(tmp_path, head):
    schedule = Schedule(40, 4, 0.0, 0.3, 0.9, 2, 3)
    _, curve = run_training(tmp_path, head, schedule)
    assert curve[-1]["step"] == 6


@pytest.mark.parametrize(("smallest_gain", "last_step"), [(0.0, 8), (0.01, 4), (0.03, 2)])
def test_training_stops_at_a_gain_that_is_too_small(tmp_path, head, smallest_gain, last_step):
    losses = iter([1.0, 0.98, 0.975, 0.97, 0.971, 0.9, 0.8])
    schedule = replace(SCHEDULE, steps=12, patience=1, smallest_gain=smallest_gain)
    zeros = dict.fromkeys(METRICS, 0.0)
    curve = train(
        build_network("compact"),
        synthesizer(),
        [head],
        lambda _: {"validation_loss": next(losses)} | zeros,
        schedule,
        tmp_path,
        QUIET,
        "training",
    )
    assert curve[-1]["step"] == last_step


class SmallGpu(Synthesizer):
    """Has memory for `room` recordings at a time."""

    room = 10

    def batch(self, head, n, *args):
        if n > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().batch(head, n, *args)


def test_batches_shrink_to_what_the_gpu_holds_and_it_is_said(head):
    said = []

    class Heard(Progress):
        def warn(self, message):
            said.append(message)

    small = SmallGpu(load_library("test"), template_graph(), *small_patch_bank(), 1)
    schedule, heard = replace(SCHEDULE, batch_size=32), Heard()
    before = small.generator.get_state()
    assert batch_size_that_fits(build_network("compact"), small, [head], schedule, heard) == 8
    assert torch.equal(small.generator.get_state(), before)
    assert len(said) == 2 and "16 recordings" in said[0] and "8 recordings" in said[1]
    small.room = 1
    with pytest.raises(OutOfMemory, match="4 recordings at a time"):
        batch_size_that_fits(build_network("compact"), small, [head], schedule, heard)


@pytest.mark.parametrize("network", ["compact", "deepsif"])
def test_half_precision_changes_the_loss_little(network, head):
    """bfloat16, as a GPU trains; here on the CPU."""
    torch.manual_seed(0)
    module, batch = build_network(network), synthesizer().batch(head, 4)
    with torch.inference_mode():
        full = relative_error(module, batch, head.projection)
        with torch.autocast("cpu", torch.bfloat16):
            half = relative_error(module, batch, head.projection)
    assert half.item() == pytest.approx(full.item(), rel=0.1)


class Says:
    """A network that answers with a given part of the truth near the peak, and double far from it."""

    def __init__(self, batch, part, existence=None):
        self.batch, self.part, self.existence = batch, part, existence

    def window(self, n_times, peak):
        near = (torch.arange(n_times) - peak[:, None]).abs() < 10
        return near.float()

    def answer(self, recording, projection, peak, samples):
        assert torch.equal(peak, self.batch.peak)
        near = self.window(recording.shape[2], peak)[:, None, samples]
        activity = self.batch.target(samples) * (2 - (2 - self.part) * near)
        return Answer(activity, self.batch.magnitude, None, self.existence)


def test_loss_is_one_for_silence_and_zero_for_the_truth_where_the_window_is(head):
    batch = synthesizer().batch(head, 5)
    silent = relative_error(Says(batch, 0.0), batch, head.projection)
    right = relative_error(Says(batch, 1.0), batch, head.projection)
    assert silent == pytest.approx(1) and right == pytest.approx(0)


def test_recordings_without_a_source_count_in_existence_alone(head):
    drawn = Synthesizer(
        load_library("test"), template_graph(), *small_patch_bank(), 1, silent_share=0.5
    )
    batch = drawn.batch(head, 24, (0.0, 1.0))
    n_silent = int(batch.silent.sum())
    assert 4 < n_silent < 20 and not batch.target()[batch.silent].any()
    loss = relative_error(Says(batch, 0.0), batch, head.projection)
    assert loss == pytest.approx(1 - n_silent / 24)
    # Sure of what there is and of what there is not: nothing to learn.
    sure = 20.0 * (1 - 2 * batch.silent[:, None].float()).expand(-1, 2)
    right, wrong = (
        relative_error(Says(batch, 1.0, sign * sure), batch, head.projection) for sign in (1, -1)
    )
    assert right == pytest.approx(0, abs=1e-3) and wrong == pytest.approx(20, rel=1e-3)


def test_a_source_is_there_up_to_two_regions_beside_a_patch():
    chain = torch.diag(torch.ones(5), 1)
    chain = chain + chain.T
    patches = torch.zeros(2, 2, 6, dtype=torch.bool)
    patches[0, 0, 0] = True
    sources = -torch.eye(6).repeat(2, 1, 1)
    near = is_near_source(sources, patches, chain)
    assert near.tolist() == [[True, True, True, False, False, False], [False] * 6]


@pytest.mark.parametrize(("network", "kind"), [("compact", "projected"), ("deepsif", "raw")])
def test_generic_training_runs_from_heads_to_card(tmp_path, monkeypatch, network, kind):
    """A few steps, through everything that a long training goes through."""
    monkeypatch.setattr(generic, "N_VALIDATION_HEADS", 1)
    monkeypatch.setattr(generic, "N_TEST_HEADS", 1)
    monkeypatch.setattr(generic, "VALIDATION_SAMPLES_PER_HEAD", 4)
    monkeypatch.setattr(generic, "TEST_SAMPLES_PER_HEAD", 4)
    monkeypatch.setattr(generic, "TEST_BATCH", 4)
    monkeypatch.setattr(generic, "PATCHES_PER_REGION", 1)
    # One LSTM layer of three, so that the checkpoint takes 80 MB and not 450.
    small = partial(DeepSIF.Architecture, n_spatial=50, n_layers=1)
    monkeypatch.setattr(DeepSIF, "Architecture", small)
    rng = np.random.default_rng(0)
    smooth = np.exp(-((template_graph().distance_mm / 25) ** 2))
    member = generic.Member(
        true_leadfield=1e-6 * rng.normal(size=(N_CHANNELS, 994)) @ smooth,
        estimated_leadfield=1e-6 * rng.normal(size=(N_CHANNELS, 994)) @ smooth,
        noise_cov=np.eye(N_CHANNELS) * 1e-26,
        region_pos_mm=rng.uniform(-60, 60, (994, 3)),
    )
    monkeypatch.setattr(generic, "cached_member", lambda *_: member)
    config = TrainConfig(
        network=network, input=kind, arrays=("ctf151",), n_heads=1, steps=2, batch_size=2
    )
    weights = train_generic(tmp_path, config, Progress())
    module, card = load_model(weights, network)
    assert card["architecture"]["n_in"] == (994 if kind == "projected" else N_CHANNELS)
    assert "<svg" in weights.with_name("curve.svg").read_text()
    methods = {row["method"] for row in card["test"]}
    assert methods == ({"network", "sloreta"} if kind == "projected" else {"network"})
    assert f"--network {network} --array ctf151 --steps 2" in weights.with_suffix(".md").read_text()
    whiten, projection = project_head(
        member.estimated_leadfield, member.noise_cov, SMALL_DICTIONARY, kind
    )
    recording = prepare_recording(whiten @ rng.normal(size=(N_CHANNELS, 40)), projection)
    assert np.isfinite(apply(module, recording, projection, 20)).all()


def test_raw_channels_of_several_arrays_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="several arrays"):
        train_generic(tmp_path, TrainConfig(input="raw"), Progress())


class Dropping(Network):
    """The projected recording, normed by batch, with features dropped at random."""

    def __init__(self):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(994)
        self.norm.running_var.fill_(0.01)  # far too small: what it judges by is to be learned
        self.drop = torch.nn.Dropout(0.5)

    def forward(self, recording, projection, peak, samples=slice(None)):
        return self.drop(self.norm(projection.kernel @ recording))[..., samples]


def test_batch_norm_and_dropout_are_trained_and_judged_in_their_own_modes(tmp_path, head):
    """Judged without dropping, by the running statistics; interrupted as if it had not been."""
    modes, batches = [], [synthesizer(2).batch(head, 4, ONE_SOURCE)]

    def measure(averaged):
        modes.append(averaged.training)
        return validate(averaged, batches, [head])

    def run(folder, progress):
        module = Dropping()
        return module, train(
            module, synthesizer(), [head], measure, SCHEDULE, folder, progress, "training"
        )

    class StopEachTime(Progress):
        def stop_requested(self):
            return True

    whole, curve = run(tmp_path / "a", QUIET)
    for _ in range(SCHEDULE.steps - 1):
        with pytest.raises(Stopped):
            run(tmp_path / "b", StopEachTime())
    resumed, again = run(tmp_path / "b", QUIET)
    assert not any(modes) and not whole.training
    assert again == curve
    assert same_weights(whole, resumed)
    assert int(whole.norm.num_batches_tracked) > 0
    assert whole.norm.running_var.min() > 0.1
