"""Input, networks, training loop, weights files and evaluation."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pipeline.errors import InvalidInput, MissingResource, OutOfMemory
from pipeline.networks import generic
from pipeline.networks.compact import (
    _unexplained,
    attend_to_patches,
    principal_time_courses,
)
from pipeline.networks.deepsif import DeepSIF
from pipeline.networks.evaluate import batch_errors_mm, localisation_errors_mm, peak_maps
from pipeline.networks.generic import TrainConfig, train_generic
from pipeline.networks.project import (
    Projection,
    check_leadfield,
    prepare_recording,
    project_head,
    whitener,
)
from pipeline.networks.train import (
    Plan,
    batch_size_that_fits,
    relative_error,
    train,
    validate,
)
from pipeline.networks.weights import (
    NETWORKS,
    SHIPPED,
    apply,
    build_network,
    load_model,
    resolve_device,
    save_model,
)
from pipeline.progress import Progress, Stopped
from pipeline.synthesis.library import load_library
from pipeline.synthesis.patches import patch_bank, template_graph
from pipeline.synthesis.recordings import ONE_SOURCE, Synthesizer, prepare_head

N_CHANNELS = 30
SMALL_DICTIONARY = torch.eye(994)
PLAN = Plan(
    steps=6,
    batch_size=4,
    learning_rate=1e-3,
    falling_part=0.5,
    averaging=0.9,
    validate_every=2,
    patience=99,
)
QUIET = Progress()
CARD = {"network": "compact", "n_in": 994, "input": "projected"}


@pytest.fixture(scope="module")
def leadfield():
    rng = np.random.default_rng(0)
    smooth = np.exp(-((template_graph().distance_mm / 25) ** 2))
    return 1e-6 * rng.normal(size=(N_CHANNELS, 994)) @ smooth


@pytest.fixture(scope="module")
def noise_cov():
    return np.diag(np.random.default_rng(1).uniform(0.5, 2, N_CHANNELS)) * 1e-26


@pytest.fixture(scope="module")
def patches():
    return patch_bank(template_graph(), 1, 0)


@pytest.fixture(scope="module")
def head(leadfield, noise_cov):
    pos_mm = np.random.default_rng(2).uniform(-60, 60, (994, 3))
    return prepare_head(
        leadfield, leadfield, noise_cov, pos_mm, load_library("test"), SMALL_DICTIONARY
    )


def synthesizer(patches, seed=1):
    return Synthesizer(load_library("test"), template_graph(), *patches, seed)


# -- input ------------------------------------------------------------------------------
def test_projection_peaks_at_a_single_active_region(leadfield, noise_cov):
    """sLORETA localises one noise-free source without error (Pascual-Marqui 2002)."""
    whiten, projection = project_head(leadfield, noise_cov, SMALL_DICTIONARY)
    for region in (0, 300, 993):
        field = torch.as_tensor(whiten @ leadfield[:, region], dtype=torch.float32)
        assert (projection.kernel @ field).abs().argmax() == region


@pytest.mark.parametrize("kind", ["projected", "raw"])
def test_inputs_do_not_depend_on_the_units_of_a_channel(leadfield, noise_cov, kind):
    scale = np.ones(N_CHANNELS)
    scale[: N_CHANNELS // 2] = 50
    data = np.random.default_rng(3).normal(size=(N_CHANNELS, 4)) * 1e-13
    inputs = []
    for factor in (1.0, scale):
        factor = np.ones(N_CHANNELS) * factor
        whiten, projection = project_head(
            leadfield * factor[:, None],
            noise_cov * np.outer(factor, factor),
            SMALL_DICTIONARY,
            kind,
        )
        inputs.append(projection.kernel.numpy() @ (whiten @ (data * factor[:, None])))
    assert np.allclose(*inputs, rtol=1e-4, atol=1e-4)


def test_raw_inputs_are_channels_over_their_noise(leadfield, noise_cov):
    data = np.random.default_rng(3).normal(size=(N_CHANNELS, 4)) * 1e-13
    whiten, projection = project_head(leadfield, noise_cov, SMALL_DICTIONARY, "raw")
    inputs = projection.kernel.numpy() @ (whiten @ data)
    assert np.allclose(inputs, data / np.sqrt(np.diag(noise_cov))[:, None], rtol=1e-4, atol=1e-4)


def test_whitener_drops_projected_directions(noise_cov):
    direction = np.ones((N_CHANNELS, 1)) / np.sqrt(N_CHANNELS)
    projector = np.eye(N_CHANNELS) - direction @ direction.T
    assert len(whitener(projector @ noise_cov @ projector)) == N_CHANNELS - 1


def a_projection(n_in, n_sensors=5):
    rng = torch.Generator().manual_seed(0)
    return Projection(
        torch.randn(n_in, n_sensors, generator=rng), torch.randn(n_sensors, 994, generator=rng)
    )


def test_prepared_recording_does_not_depend_on_scale_or_offset():
    data, projection = np.random.default_rng(0).normal(size=(5, 501)), a_projection(994)
    prepared = prepare_recording(data, projection, 500.0)
    assert prepared.shape == (5, 126) and prepared.dtype == torch.float32
    shifted = prepare_recording(3e-13 * data + 1e-13, projection, 500.0)
    assert torch.allclose(prepared, shifted, atol=1e-5)
    assert (projection.kernel @ prepared).square().mean() == pytest.approx(1, rel=1e-4)
    assert torch.equal(prepare_recording(data[:, ::4], projection), prepared)


def test_sampling_rate_that_is_no_multiple_is_refused():
    with pytest.raises(InvalidInput, match="600"):
        prepare_recording(np.ones((5, 10)), a_projection(3), 600.0)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda lf: lf[:, :500], "shape"),
        (lambda lf: lf * np.where(np.arange(994) == 7, np.nan, 1), "not finite"),
        (lambda lf: lf * (np.arange(994) != 7), "no field"),
        (lambda lf: lf * 1e15, "median maximum"),
        (lambda lf: lf * 1e-9, "median maximum"),
    ],
)
def test_implausible_leadfields_are_refused(leadfield, spoil, message):
    check_leadfield(leadfield)
    with pytest.raises(InvalidInput, match=message):
        check_leadfield(spoil(leadfield))


def test_noise_without_variance_is_refused(leadfield, noise_cov):
    flat = noise_cov.copy()
    flat[3, 3] = 0
    with pytest.raises(InvalidInput, match="variance"):
        project_head(leadfield, flat, SMALL_DICTIONARY)


# -- networks ---------------------------------------------------------------------------
@pytest.mark.parametrize("network", ["compact", "deepsif"])
def test_networks_keep_time_and_give_994_regions(network):
    module, projection = build_network(network, 20), a_projection(20)
    recording = torch.randn(2, 5, 33)
    output = module(recording, projection)
    assert output.shape == (2, 994, 33)
    every_fourth = module(recording, projection, slice(1, None, 4))
    assert torch.allclose(every_fourth, output[..., 1::4], atol=1e-5)


def test_principal_time_courses_are_the_right_singular_vectors():
    rng = torch.Generator().manual_seed(0)
    left, _ = torch.linalg.qr(torch.randn(2, 30, 3, generator=rng))
    right, _ = torch.linalg.qr(torch.randn(2, 125, 3, generator=rng))
    recording = left @ torch.diag(torch.tensor([4.0, 2.0, 0.5])) @ right.mT
    components, strength = principal_time_courses(1e15 * recording, 2)
    match = (components[..., None, :] @ right[:, None, :, :2] / 125**0.5).squeeze(2).abs()
    assert torch.allclose(match, torch.eye(2).expand(2, 2, 2), atol=1e-3)
    assert torch.allclose(strength, torch.tensor([1.0, 0.5]).expand(2, 2), atol=1e-3)


def test_attention_finds_the_patch_whose_topography_it_sees():
    rng = torch.Generator().manual_seed(1)
    patches = torch.zeros(100, 994)
    for number in range(100):
        patches[number, 9 * number : 9 * number + 9] = 1.0
    field = torch.randn(40, 994, generator=rng)
    topographies = torch.nn.functional.normalize(field @ patches.T, dim=0)
    projection = Projection(field, field, patches, topographies)
    seen = -3.0 * (field @ patches[17])[None, None]
    sharpness = torch.full((1, 1), 300.0)
    sources, explained = attend_to_patches(seen, sharpness, projection)
    assert torch.allclose(sources[0, 0], -patches[17], atol=1e-3)
    assert explained.item() == pytest.approx(1, abs=1e-4)
    nothing, none = attend_to_patches(seen, sharpness, Projection(field, field))
    assert not nothing.any() and not none.any()


def test_compact_corrects_by_what_its_sources_leave_unexplained():
    """With sources that explain the maps fully, the correction sees no residual."""
    seen = torch.randn(2, 4, 5)
    assert _unexplained(seen, 0.3 * seen).abs().max() < 1e-4
    assert torch.allclose(_unexplained(seen, torch.zeros_like(seen)), seen)
    other = torch.randn(2, 4, 5)
    assert (_unexplained(seen, other) * other).sum(2).abs().max() < 1e-4


def test_deepsif_has_the_published_size():
    """22.5 million parameters at 148 sensors."""
    assert sum(p.numel() for p in build_network("deepsif", 148).parameters()) == pytest.approx(
        22.5e6, rel=0.02
    )


def test_unknown_network_is_refused():
    with pytest.raises(InvalidInput, match="compact, deepsif"):
        build_network("resnet")


def test_a_gpu_that_is_absent_is_a_missing_resource(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == "cpu"
    with pytest.raises(MissingResource, match="GPU"):
        resolve_device("cuda")


# -- training loop ------------------------------------------------------------------------
def run_training(folder, head, patches, plan=PLAN, progress=QUIET):
    torch.manual_seed(0)
    module = build_network("compact")
    batches = [synthesizer(patches, 2).batch(head, 4, ONE_SOURCE)]
    curve = train(
        module,
        synthesizer(patches),
        [head, head],
        lambda averaged: validate(averaged, batches, [head]),
        plan,
        folder,
        progress,
        "training",
    )
    return module, curve


def same_weights(first, second):
    return all(
        torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )


def test_training_twice_and_training_interrupted_give_the_same_weights(tmp_path, head, patches):
    first, curve = run_training(tmp_path / "a", head, patches)
    again, _ = run_training(tmp_path / "b", head, patches)
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
    batches = [synthesizer(patches, 2).batch(head, 4, ONE_SOURCE)]

    def go_on(progress):
        return train(
            module,
            synthesizer(patches),
            [head, head],
            lambda averaged: validate(averaged, batches, [head]),
            PLAN,
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


def test_training_stopped_between_validations_goes_on_to_the_same_curve(tmp_path, head, patches):
    whole, curve = run_training(tmp_path / "a", head, patches)

    class StopEachTime(Progress):
        def stop_requested(self):
            return True

    for step in (1, 2, 3, 4, 5):
        with pytest.raises(Stopped, match=f"from step {step}"):
            run_training(tmp_path / "b", head, patches, progress=StopEachTime())
    module, resumed = run_training(tmp_path / "b", head, patches)
    assert resumed == curve
    assert same_weights(whole, module)


def test_training_lowers_the_error(tmp_path, head, patches):
    plan = Plan(40, 16, 1e-3, 0.3, 0.9, 10, 99)
    _, curve = run_training(tmp_path, head, patches, plan)
    assert curve[-1]["validation_loss"] < 0.97 * curve[0]["validation_loss"]


def test_training_stops_when_validation_does_not_improve(tmp_path, head, patches):
    plan = Plan(40, 4, 0.0, 0.3, 0.9, 2, 3)
    _, curve = run_training(tmp_path, head, patches, plan)
    assert curve[-1]["step"] == 6


class SmallGpu(Synthesizer):
    """Has memory for `room` recordings at a time."""

    room = 10

    def batch(self, head, n, *args):
        if n > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().batch(head, n, *args)


def test_batches_shrink_to_what_the_gpu_holds_and_it_is_said(head, patches):
    said = []

    class Heard(Progress):
        def warn(self, message):
            said.append(message)

    small = SmallGpu(load_library("test"), template_graph(), *patches, 1)
    plan, heard = replace(PLAN, batch_size=32), Heard()
    before = small.generator.get_state()
    assert batch_size_that_fits(build_network("compact"), small, [head], plan, heard) == 8
    assert torch.equal(small.generator.get_state(), before)
    assert len(said) == 2 and "16 recordings" in said[0] and "8 recordings" in said[1]
    small.room = 1
    with pytest.raises(OutOfMemory, match="4 recordings at a time"):
        batch_size_that_fits(build_network("compact"), small, [head], plan, heard)


@pytest.mark.parametrize("network", ["compact", "deepsif"])
def test_half_precision_changes_the_loss_little(network, head, patches):
    """bfloat16, as a GPU trains; here on the CPU."""
    torch.manual_seed(0)
    module, batch = build_network(network), synthesizer(patches).batch(head, 4)
    with torch.inference_mode():
        full = relative_error(module, batch, head.projection)
        with torch.autocast("cpu", torch.bfloat16):
            half = relative_error(module, batch, head.projection)
    assert half.item() == pytest.approx(full.item(), rel=0.1)


def test_loss_is_one_for_silence_and_zero_for_the_truth(head, patches):
    batch = synthesizer(patches).batch(head, 5)
    silent = relative_error(lambda x, p, s: 0 * batch.target(s), batch, head.projection)
    right = relative_error(lambda x, p, s: batch.target(s), batch, head.projection)
    assert silent == pytest.approx(1) and right == pytest.approx(0)


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
    monkeypatch.setitem(NETWORKS, "deepsif", partial(DeepSIF, n_spatial=50, n_layers=1))
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
    assert card["n_in"] == (994 if kind == "projected" else N_CHANNELS)
    assert "<svg" in weights.with_name("curve.svg").read_text()
    methods = {row["method"] for row in card["test"]}
    assert methods == ({"network", "sloreta"} if kind == "projected" else {"network"})
    assert f"--network {network} --array ctf151 --steps 2" in weights.with_suffix(".md").read_text()
    whiten, projection = project_head(
        member.estimated_leadfield, member.noise_cov, SMALL_DICTIONARY, kind
    )
    recording = prepare_recording(whiten @ rng.normal(size=(N_CHANNELS, 40)), projection)
    assert np.isfinite(apply(module, recording, projection)).all()


def test_raw_channels_of_several_arrays_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="several arrays"):
        train_generic(tmp_path, TrainConfig(input="raw"), Progress())


# -- weights ------------------------------------------------------------------------------
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
    tensors = dict(build_network("compact", 20).state_dict())
    save_file(tensors, path, {"card": json.dumps(CARD)})
    with pytest.raises(InvalidInput, match="do not fit"):
        load_model(path, "compact")
    tensors = dict(build_network("compact").state_dict())
    tensors["judge.bias"][3] = float("nan")
    save_file(tensors, path, {"card": json.dumps(CARD)})
    with pytest.raises(InvalidInput, match="not finite"):
        load_model(path, "compact")


def test_shipped_model_is_better_than_its_input(leadfield):
    """The card's held-out figures, as shipped, on heads that training never saw."""
    module, card = load_model()
    assert SHIPPED.stat().st_size < 25e6
    whole = {row["method"]: row for row in card["test"] if row["sensor_snr_db"] == [5, 20]}
    assert whole["network"]["n"] >= 1000
    assert whole["network"]["found_to_true_mm_mean"] < 10
    found = "found_to_true_mm_mean"
    assert whole["network"][found] < 0.5 * whole["sloreta"][found]
    assert apply(module, torch.zeros(5, 126), a_projection(994)).shape == (994, 126)


# -- evaluation ---------------------------------------------------------------------------
def test_localisation_errors_of_a_hand_made_case():
    pos_mm = np.column_stack([10.0 * np.arange(994), np.zeros(994), np.zeros(994)])
    peak_map = np.zeros(994)
    peak_map[[5, 6, 9]] = 1.0, 0.9, 0.8
    true = np.zeros(994, bool)
    true[[4, 5, 6]] = True
    found_to_true, true_to_found, maximum = localisation_errors_mm(
        peak_map, true, pos_mm[4], pos_mm
    )
    assert found_to_true == pytest.approx((0 + 0 + 30) / 3)
    assert true_to_found == pytest.approx((10 + 0 + 0) / 3)
    assert maximum == pytest.approx(10)


def test_peak_map_averages_the_absolute_activity_around_the_peak():
    activity = torch.zeros(1, 994, 125)
    activity[0, 3, 60:63] = torch.tensor([3.0, -6.0, 9.0])
    assert peak_maps(activity, torch.tensor([61]))[0, 3] == pytest.approx(6)
    assert peak_maps(activity, torch.tensor([124])).shape == (1, 994)


def test_the_truth_has_no_localisation_error(head, patches):
    batch = synthesizer(patches, 8).batch(head, 6, ONE_SOURCE)
    errors = batch_errors_mm(batch.target(), batch, head.region_pos_mm)
    assert errors[:, 0].max() == 0 and errors[:, 2].max() == 0
