"""Fine-tuning to one head: what moves, what is measured, what is kept, and what is refused."""

import filecmp
import shutil
from copy import deepcopy

import mne
import numpy as np
import pytest
import torch
from fake_patient import write_fake_patient

from pipeline import personalize
from pipeline.errors import InvalidInput, MissingResource
from pipeline.files import read_json, read_npz, write_npz
from pipeline.methods import METHODS
from pipeline.networks import build_network
from pipeline.paths import PatientPaths
from pipeline.personalize import stage
from pipeline.personalize.jitter import (
    misplaced_cortex,
    misplaced_sensors,
    possible_leadfields,
    sensor_motion_derivatives,
)
from pipeline.progress import Progress
from pipeline.records.head import read_measured_head
from pipeline.records.spike import read_spike
from pipeline.synthesis import population
from pipeline.template import load_template
from pipeline.training.evaluate import METRICS
from pipeline.weights import load_model, save_model

CONFIG = personalize.Config(steps=4, batch_size=4, n_test=8)


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    return write_fake_patient(tmp_path_factory.mktemp("personalize") / "output", array="ctf151")


@pytest.fixture(scope="module")
def derivatives(patient):
    spike = read_spike(patient.paths, epochs=False)
    head = read_measured_head(patient.paths, spike.ch_names)
    return sensor_motion_derivatives(spike.sensors, head.region_pos_head_m)


@pytest.fixture
def quick(monkeypatch, derivatives):
    """The stage with fewer heads and patches, and the helmet's derivatives computed once."""
    monkeypatch.setattr(stage, "N_HEADS", {"train": 2, "validation": 1, "test": 4})
    monkeypatch.setattr(stage, "PATCHES_PER_REGION", {"train": 1, "validation": 1, "test": 1})
    monkeypatch.setattr(stage, "VALIDATE_EVERY", 2)
    monkeypatch.setattr(stage, "VALIDATION_SAMPLES_PER_HEAD", 8)
    monkeypatch.setattr(stage, "sensor_motion_derivatives", lambda *_: derivatives)


@pytest.fixture
def paths(patient, tmp_path):
    """The patient's inputs under a folder of this test's own."""
    own = PatientPaths(tmp_path, "01")
    for path in personalize.reads(personalize.Inputs(), patient.paths):
        copy = tmp_path / path.relative_to(patient.paths.output_dir)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    return own


class Heard(Progress):
    def __init__(self):
        self.warnings = []

    def warn(self, message):
        self.warnings.append(message)


def run(paths, config=CONFIG, progress=None):
    personalize.run(personalize.Inputs(), paths, config, progress or Progress())


# -- the stage ----------------------------------------------------------------------------
def test_stage_writes_what_it_promises_and_moves_the_parameters(paths, quick, monkeypatch):
    errors = iter([np.full((8, 3), 9.0), np.full((8, 3), 5.0)])
    monkeypatch.setattr(stage, "measure", lambda *_: next(errors))
    # Four small steps need not lower the validation loss; training keeps what does.
    losses = iter([3.0, 2.0, 1.0])
    zeros = dict.fromkeys(METRICS, 0.0)
    monkeypatch.setattr(stage, "validate", lambda *_: {"validation_loss": next(losses)} | zeros)
    run(paths)
    assert all(path.exists() for path in personalize.writes(paths))
    qc = read_json(paths.qc("personalize"))
    assert qc["improved"] and qc["warnings"] == []
    assert qc["before"]["found_to_true_mm_mean"] == 9
    assert qc["after"]["found_to_true_mm_mean"] == 5
    assert not list(paths.folder.glob(".training*"))
    generic, _ = load_model()
    personalized, card = load_model(paths.model)
    assert card["personalized"]
    moved = [
        not torch.equal(a, b)
        for a, b in zip(generic.parameters(), personalized.parameters(), strict=True)
    ]
    assert all(moved)


@pytest.mark.parametrize(
    ("after_mm", "said"),
    [
        (np.full(8, 5.5), "5.0 mm before, 5.5 mm after; lower by -0.50 ± 0.00 mm"),
        (np.repeat([4.0, 5.8], 4), "5.0 mm before, 4.9 mm after; lower by 0.10 ± 0.52 mm"),
        (np.full(8, 5.0), "5.0 mm before, 5.0 mm after; lower by 0.00 ± 0.00 mm"),
    ],
    ids=["worse", "better by chance", "same"],
)
def test_generic_weights_are_kept_and_said_so_without_improvement(
    paths, quick, monkeypatch, after_mm, said
):
    errors = iter([np.full((8, 3), 5.0), np.tile(after_mm[:, None], 3)])
    monkeypatch.setattr(stage, "measure", lambda *_: next(errors))
    losses = iter([3.0, 2.0, 1.0])
    zeros = dict.fromkeys(METRICS, 0.0)
    monkeypatch.setattr(stage, "validate", lambda *_: {"validation_loss": next(losses)} | zeros)
    heard = Heard()
    paths.model.write_bytes(b"of an earlier run")
    run(paths, progress=heard)
    qc = read_json(paths.qc("personalize"))
    assert not qc["improved"]
    assert qc["warnings"] == heard.warnings
    assert said in qc["warnings"][0]
    # The generic ones are not stored again, and no earlier run's stay.
    assert not paths.model.exists() and paths.model not in personalize.writes(paths)
    assert all(path.exists() for path in personalize.writes(paths))
    generic, card = load_model()
    used, _ = METHODS["personalized"].load(paths)
    assert qc["generic_model_sha256"] == card["sha256"]
    for a, b in zip(generic.parameters(), used.parameters(), strict=True):
        assert torch.equal(a, b)
    # Results of an earlier version, which did store them, are read as they are.
    other = deepcopy(generic)
    with torch.no_grad():
        next(other.parameters()).add_(1)
    save_model(paths.model, other, {"network": "compact", "input": "projected"})
    used, _ = METHODS["personalized"].load(paths)
    assert torch.equal(next(used.parameters()), next(other.parameters()))


class _Enough(Exception):
    pass


def test_fine_tuning_learns_from_every_types_positions(paths, patient, quick, monkeypatch):
    """Of a second type's spikes the head lay 25 mm lower in the helmet, where all fields are weaker."""
    second = paths.of_type(2)
    shutil.copy(paths.average, second.average)
    for own in (
        patient.paths.inner_skull,
        *(patient.paths.surface(h, "midthickness") for h in "LR"),
    ):
        copy = paths.output_dir / own.relative_to(patient.paths.output_dir)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(own, copy)
    here = read_spike(paths, epochs=False).sensors["dev_head_t"]["trans"]
    lower = mne.transforms.translation(z=0.025) @ here  # the helmet higher above the head
    write_npz(second.head_positions, dev_head_t=lower[None], of_spike=np.zeros(6, int))
    monkeypatch.setattr(stage, "imaged_types", lambda _: [paths, second])
    monkeypatch.setattr(stage, "N_HEADS", {"train": 2, "validation": 1})
    given = {}

    def fine_tune(module, heads, *_):
        given.update(heads)
        raise _Enough

    monkeypatch.setattr(stage, "fine_tune", fine_tune)
    with pytest.raises(_Enough):
        run(paths)
    size = {split: [float(head.field.norm()) for head in heads] for split, heads in given.items()}
    assert {split: len(sizes) for split, sizes in size.items()} == {
        "train": 2,
        "validation": 2,  # one for each type
    }
    for sizes in size.values():
        first, other = sizes[: len(sizes) // 2], sizes[len(sizes) // 2 :]
        assert max(other) < 0.9 * min(first)
    # What is known of each head is the leadfield of its own position.
    known = [float((h.projection.leadfield * h.field).sum()) for h in given["train"]]
    size_known = [float(h.projection.leadfield.norm()) for h in given["train"]]
    assert min(k / a / b for k, a, b in zip(known, size_known, size["train"], strict=True)) > 0.8
    read = personalize.reads(personalize.Inputs(), paths)
    assert {paths.average, second.average, second.head_positions, paths.inner_skull} <= set(read)


def test_types_whose_heads_lay_alike_share_one_leadfield(paths, monkeypatch):
    second = paths.of_type(2)
    shutil.copy(paths.average, second.average)
    assert len(stage.seen_heads([paths, second])) == 1


def test_fine_tuning_that_brings_no_gain_ends_by_itself_and_says_so(paths, quick, monkeypatch):
    measured = []

    def measure(module, *_):
        measured.append(module)
        return np.full((8, 3), 5.0)

    monkeypatch.setattr(stage, "measure", measure)
    losses = iter([1.0, 1.01])
    zeros = dict.fromkeys(METRICS, 0.0)
    monkeypatch.setattr(stage, "validate", lambda *_: {"validation_loss": next(losses)} | zeros)
    run(paths, personalize.Config(steps=400, batch_size=4, n_test=8))
    qc = read_json(paths.qc("personalize"))
    assert (qc["steps"], qc["best_step"], qc["improved"]) == (2, 0, False)
    assert "ended by itself after 2 steps" in qc["warnings"][0] and "5.0 mm" in qc["warnings"][0]
    # The generic weights are measured once: nothing else is there.
    assert len(measured) == 1
    assert (qc["n_test_recordings"], qc["n_test_heads"], qc["gain_mm"]) == (8, 4, 0)


def test_a_killed_run_ends_like_an_undisturbed_one(paths, quick, tmp_path):
    run(paths)
    names = [path.name for path in personalize.writes(paths)]
    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    for path in personalize.writes(paths):
        path.rename(undisturbed / path.name)

    class Killed(Exception):
        pass

    def kill_while_measuring(*_):
        raise Killed

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(stage, "measure", kill_while_measuring)
        run(paths)
    assert list(paths.folder.glob(".training*/checkpoint.safetensors"))
    said = []
    progress = Progress()
    progress.info = said.append
    run(paths, progress=progress)
    assert any("goes on from step" in message for message in said)
    for path in personalize.writes(paths):
        assert path.name in names
        assert filecmp.cmp(path, undisturbed / path.name, shallow=False)


def test_fine_tuning_lowers_the_held_out_error_of_a_network_that_has_learned_nothing(
    paths, quick, monkeypatch, tmp_path
):
    """On recordings that training never saw."""
    monkeypatch.setattr(stage, "VALIDATE_EVERY", 10)
    torch.manual_seed(0)
    card = {"network": "compact", "input": "projected"}
    untrained = build_network("compact", faint_region=0.05, least_existence=0.0)
    save_model(tmp_path / "untrained.safetensors", untrained, card)
    run(
        paths,
        personalize.Config(
            generic_model=str(tmp_path / "untrained.safetensors"),
            steps=40,
            batch_size=16,
            n_test=160,
            learning_rate=1e-3,
        ),
    )
    qc = read_json(paths.qc("personalize"))
    assert qc["improved"]
    assert qc["after"]["found_to_true_mm_mean"] < qc["before"]["found_to_true_mm_mean"]
    assert qc["validation_loss_after"] < 0.9 * qc["validation_loss_before"]


# -- bad input ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda lf: lf[:, :100], "shape"),
        (lambda lf: np.where(np.arange(994) == 3, np.nan, lf), "not finite"),
        (lambda lf: lf * (np.arange(994) != 3), "no field"),
        (lambda lf: lf * 1e15, "median maximum"),
    ],
)
def test_implausible_leadfields_name_the_file(paths, spoil, message):
    stored = read_npz(paths.leadfield)
    write_npz(paths.leadfield, **(stored | {"leadfield": spoil(stored["leadfield"])}))
    with pytest.raises(InvalidInput, match=message) as caught:
        run(paths)
    assert caught.value.file == paths.leadfield


def test_channels_without_leadfield_are_refused(paths):
    stored = read_npz(paths.leadfield)
    for name in ("leadfield", "ch_names", "ch_types"):
        stored[name] = stored[name][:-2]
    write_npz(paths.leadfield, **stored)
    with pytest.raises(InvalidInput, match=r"2 channels .* not in the leadfield"):
        run(paths)


def test_absent_gpu_and_absent_weights_are_missing_resources(paths, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(MissingResource, match="GPU"):
        run(paths, personalize.Config(device="cuda"))
    with pytest.raises(MissingResource, match="train-generic --network deepsif"):
        run(paths, personalize.Config(network="deepsif"))


def test_raw_channels_of_another_number_are_refused(patient):
    head = read_measured_head(patient.paths, read_spike(patient.paths, epochs=False).ch_names)
    with pytest.raises(InvalidInput, match="reads 12 raw channels"):
        stage.check_inputs_fit({"input": "raw", "architecture": {"n_in": 12}}, head)


# -- head-model errors --------------------------------------------------------------------
def test_moved_sensors_agree_with_a_leadfield_computed_anew():
    rng = np.random.default_rng(3)
    info = mne.channels.read_meg_canonical_info("ctf151")
    head = population.geometry(load_template().source_cortex, population.random_deformation(rng))
    placed = population.place_helmet(info, head.skull_mm, rng)
    with info._unlock():
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", placed)
    pos_m = head.region_pos_mm / 1000
    derivatives = sensor_motion_derivatives(info, pos_m)
    motion = np.eye(4)
    motion[:3, :3] = mne.transforms.rotation(0, 0, np.deg2rad(2))[:3, :3]
    centre_m = pos_m.mean(0)
    motion[:3, 3] = centre_m - motion[:3, :3] @ centre_m + [0.003, 0, 0]
    before = population.geometry_leadfield(info, placed, head)
    anew = population.geometry_leadfield(info, motion @ placed, head)
    mapped = before + (3 * derivatives[0] + 2 * derivatives[5]) @ before
    size = np.linalg.norm(anew, axis=0)
    change = np.median(np.linalg.norm(anew - before, axis=0) / size)
    error = np.median(np.linalg.norm(anew - mapped, axis=0) / size)
    assert change > 0.05
    assert error < 0.25 * change


def test_cortex_that_stays_in_place_changes_nothing(patient, monkeypatch):
    pos_mm = patient.region_pos_mri_mm
    monkeypatch.setattr("pipeline.personalize.jitter.DISPLACED_PART", 0.0)
    assert np.allclose(misplaced_cortex(pos_mm, np.random.default_rng(0)), np.eye(994), atol=1e-9)


def test_possible_leadfields_are_near_the_estimate_and_differ_from_each_other(patient, derivatives):
    head = read_measured_head(patient.paths, read_spike(patient.paths, epochs=False).ch_names)
    drawn = possible_leadfields(head.leadfield, head.region_pos_mri_mm, derivatives, 2, 5)
    again = possible_leadfields(head.leadfield, head.region_pos_mri_mm, derivatives, 2, 5)
    assert np.array_equal(drawn[0], again[0])
    for one in drawn:
        correlation = [
            np.corrcoef(a, b)[0, 1] for a, b in zip(one.T, head.leadfield.T, strict=True)
        ]
        assert 0.9 < np.median(correlation) < 0.9999
    assert not np.allclose(drawn[0], drawn[1], rtol=0.01)
    assert np.allclose(
        misplaced_sensors(0 * derivatives, np.random.default_rng(0)), np.eye(len(head.leadfield))
    )
