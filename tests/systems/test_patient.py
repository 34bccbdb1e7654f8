"""Systems on the fake patient: trained in `smoke` for its head, they image its average."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fake_patient import write_fake_patient
from fake_results import write_ieeg, write_models

import reports
from bids_app import cli
from bids_app.preflight import participant as preflight
from pipeline import compare, image
from pipeline.doubts import Doubt
from pipeline.errors import InvalidInput
from pipeline.files import read_json, read_npz, write_text
from pipeline.methods import METHODS, _system
from pipeline.methods._system import (
    SystemMethod,
    at_points,
    patient_field,
    patient_recordings,
    sampled,
)
from pipeline.progress import Progress
from pipeline.records.deep import DeepSources, write_deep
from pipeline.records.spike import read_spike, write_noise
from pipeline.systems import SYSTEMS
from reports import content, findings, quality
from reports.findings import Measures
from reports.reading import read_patient

TRAINED = ("deepmeg_mlp_2", "convdip", "dst_dae")
MEASURES = Measures(
    n_accepted=30,
    n_rejected=0,
    snr_db=20.0,
    coregistration_mm=2.0,
    n_bad_channels=0,
    n_channels=306,
    head_model="freesurfer",
    personalization_used=True,
    held_out_error_mm=3.0,
)


def run(patient, *methods):
    config = image.Config(methods=methods, bootstrap_resamples=0)
    image.run(image.Inputs(patient.t1w), patient.paths, config, Progress())
    return read_json(patient.paths.qc("image"))


def command(patient, name, *more):
    return cli.main(["train", name, "--head", str(patient.paths.folder), "--size", "smoke", *more])


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    patient = write_fake_patient(tmp_path_factory.mktemp("systems") / "out")
    write_models(patient)
    for name in TRAINED:
        assert command(patient, name) == 0
    return patient


@pytest.fixture(scope="module")
def imaged(patient):
    return run(patient, "generic", "personalized", "sloreta", *TRAINED, "unet")


def test_every_system_is_a_method():
    methods = {name for name in METHODS if isinstance(METHODS[name], SystemMethod)}
    assert methods == set(SYSTEMS)
    for name in methods:
        method, system = METHODS[name], SYSTEMS[name]
        assert method.system == name and method.label == system.label
        assert system.reference in method.references.values()


def test_a_trained_system_images_the_average_with_its_card(patient, imaged):
    paths, found = patient.paths, imaged["methods"]
    for name in TRAINED:
        assert found[name]["assessable"], found[name]
        card = read_json(paths.system(name, "smoke").with_suffix(".json"))
        assert card["steps"] == card["steps_planned"] and not list(
            paths.folder.glob(f"systems/{name}_smoke_*")
        )
        assert f"{card['examples']:,} simulated examples" in found[name]["card"]
        assert "no result" in found[name]["card"]
        assert paths.sources(name) in image.writes(paths)
        assert paths.system(name, "smoke") in image.reads(image.Inputs(patient.t1w), paths)
    assert "points" in found["deepmeg_mlp_2"]["card"]
    assert "peak alone" in found["convdip"]["card"]
    active = np.flatnonzero(read_npz(paths.sources("deepmeg_mlp_2"))["peak_map"])
    assert 1 <= len(active) <= 2
    assert read_npz(paths.sources("convdip"))["times_s"].tolist() == [0.0]
    assert len(read_npz(paths.sources("dst_dae"))["times_s"]) == 40
    assert "sloreta-convdip" in imaged["distance_between_maxima_mm"]


def test_metrics_and_report_tell_of_systems(patient, imaged):
    paths = patient.paths
    compare.run(write_ieeg(patient), paths, compare.Config(), Progress())
    write_text(paths.training_curve, "step\tsamples\ttraining_loss\tvalidation_loss\n")
    rows = [line.split("\t") for line in paths.metrics.read_text().splitlines()]
    assert {"deepmeg_mlp_2", "convdip", "dst_dae"} <= {row[0] for row in rows}
    told = content._methods(
        read_patient(reports.Inputs(patient.t1w), paths), SimpleNamespace(n_accepted=30)
    )
    assert told["cards"] == [f"{imaged['methods'][name]['card']}." for name in TRAINED]


def test_an_untrained_system_is_not_assessable_and_says_how_to_train_it(patient, imaged):
    left = imaged["methods"]["unet"]
    assert not left["assessable"] and imaged["methods"]["sloreta"]["assessable"]
    assert "spikefocus train unet --head OUTPUT_DIR/sub-01" in left["reason"]


def read(patient):
    return read_patient(reports.Inputs(patient.t1w), patient.paths)


def test_a_smoke_training_beside_the_finding_is_a_warning(patient, imaged):
    told = read(patient)
    assert told.finding_method == "personalized" and not quality.doubts(told)
    warnings = [each for each in quality.warnings_for_verdict(told) if "no result" in each]
    assert [each.split(" was")[0] for each in warnings] == [METHODS[name].label for name in TRAINED]
    assert all(imaged["methods"][name]["doubt"]["grave"] for name in TRAINED)
    [untrained] = [each for each in quality.warnings_for_verdict(told) if "unet" in each]
    assert "not trained for this head" in untrained


def test_a_smoke_training_that_makes_the_finding_is_none_to_rely_on():
    doubt = Doubt("trained in the size smoke", grave=True)
    told = SimpleNamespace(
        imaged=True,
        finding_method="convdip",
        image=SimpleNamespace(methods={"convdip": SimpleNamespace(doubt=doubt)}),
        qc=SimpleNamespace(
            headmodel=SimpleNamespace(doubts=()), spikes=SimpleNamespace(doubts=()), compare=None
        ),
    )
    assert quality.doubts(told) == [doubt]
    assert findings.verdict(MEASURES, [], [doubt]).colour == "red"
    told.imaged = False
    assert not quality.doubts(told)


def test_a_training_that_was_ended_early_is_a_doubt(patient, monkeypatch):
    card = {"size": "cpu", "steps": 900, "steps_planned": 12_000}
    field = SimpleNamespace(deep=None)
    monkeypatch.setattr(SystemMethod, "_loaded", lambda self, problem: (field, None, card))
    doubt = METHODS["deepmeg_mlp_2"].doubt(None)
    assert not doubt.grave and "900 of 12,000 steps" in doubt.text
    assert findings.verdict(MEASURES, [], [doubt]).colour == "amber"
    card["steps"] = 12_000
    assert METHODS["deepmeg_mlp_2"].doubt(None) is None
    assert METHODS["sloreta"].doubt(None) is None


def test_preflight_says_how_to_train_and_how_long_it_takes(patient, monkeypatch):
    monkeypatch.setattr(SystemMethod, "training_minutes", lambda self, n_channels: 41.7)
    found = preflight.participant_findings(
        patient.paths, _no_files, {"image": SimpleNamespace(methods=("sloreta", "unet", "convdip"))}
    )
    told = {each.check: each for each in found}
    assert "unet" in told and not {"sloreta", "convdip"} & set(told)
    assert "about 42 min" in str(told["unet"]) and "spikefocus train unet" in str(told["unet"])


def test_weights_of_another_noise_are_refused_and_make_way(patient, tmp_path):
    other = write_fake_patient(tmp_path / "out")
    write_models(other)
    assert command(other, "deepmeg_mlp_2") == 0
    noise_cov = read_spike(other.paths, epochs=False).noise_cov
    noise_cov["data"] = 1.1 * noise_cov["data"]
    write_noise(other.paths, noise_cov)
    found = run(other, "sloreta", "deepmeg_mlp_2")["methods"]["deepmeg_mlp_2"]
    assert not found["assessable"] and "trained for another head" in found["reason"]
    assert command(other, "deepmeg_mlp_2") == 0
    assert run(other, "sloreta", "deepmeg_mlp_2")["methods"]["deepmeg_mlp_2"]["assessable"]


def test_a_training_needs_a_head(tmp_path, capsys):
    for folder in ("sub-09", "nothing"):
        (tmp_path / folder).mkdir()
        patient = SimpleNamespace(paths=SimpleNamespace(folder=tmp_path / folder))
        assert command(patient, "unet") != 0
    told = capsys.readouterr().err
    assert "--stage headmodel spikes" in told and "name OUTPUT_DIR/sub-X" in told


def test_dst_dae_learns_courses_and_noise_of_the_average(patient):
    system = SYSTEMS["dst_dae"]
    recordings, snr_db = patient_recordings(patient.paths, system)
    own = system.for_recordings(recordings, snr_db)
    spike = recordings[0] - recordings[0].mean(1, keepdim=True)
    assert own.bases.shape == (1, 4, 40) and recordings.shape[0] == 1
    kept = recordings[0] @ own.bases[0].T @ own.bases[0]
    assert (kept - recordings[0]).norm() < 0.5 * spike.norm()
    assert 0 < snr_db.item() < 40 and torch.equal(own.snr_db, snr_db)


def test_samples_lie_around_the_peak_and_end_where_the_average_does():
    times_s = np.arange(-50, 51) / 500
    system = SimpleNamespace(n_times=16, sfreq_hz=1000.0, label="sixteen")
    data, wanted_s = sampled(times_s[None], times_s, system)
    assert wanted_s[8] == 0 and len(wanted_s) == 16
    np.testing.assert_allclose(data[0], wanted_s, atol=1e-12)
    slow = SimpleNamespace(n_times=40, sfreq_hz=100.0, label="forty")
    with pytest.raises(InvalidInput, match="forty reads"):
        sampled(times_s[None], times_s, slow)
    mean, _ = sampled(
        np.eye(101)[[50]], times_s, SimpleNamespace(n_times=3, sfreq_hz=100.0, label="")
    )
    assert mean[0].tolist() == pytest.approx([0, 0.2, 0])


def test_points_become_the_regions_nearest_to_them():
    pos_mm, gain = np.diag([10.0, 20.0, 30.0]), np.eye(3)
    points_mm = np.array([[9.0, 1, 0], [0, 0, 28.0]])
    activity = at_points(points_mm, pos_mm, gain, np.array([[2.0], [3.0], [-4.0]]))
    assert activity[:, 0].tolist() == [2, 0, -4]


def _no_files(label):
    raise InvalidInput("nothing is there", hint="nothing")


def test_a_patient_with_deep_points_is_told_where_the_largest_lies(tmp_path, monkeypatch):
    patient = write_fake_patient(tmp_path / "out")
    write_models(patient)
    spike = read_spike(patient.paths, epochs=False)
    info = spike.average.info
    pos_mm = np.array([[-25.0, -15, -20], [-25, -21, -20], [25, -15, -20]])
    field = 1e-7 * np.random.default_rng(0).normal(size=(len(info["ch_names"]), 3, 3))
    write_deep(patient.paths, DeepSources(pos_mm, np.array([0, 0, 7]), field), info)
    assert command(patient, "convdip") == 0
    card = run(patient, "sloreta", "convdip")["methods"]["convdip"]["card"]
    assert "of deep structures the largest is" in card and "hippocampus)" in card
    n_outputs = read_npz(patient.paths.sources("convdip"))["peak_map"].shape[-1]
    method, problem = METHODS["convdip"], None
    loaded = (
        patient_field(patient.paths, SYSTEMS["convdip"]),
        None,
        {
            "size": "cpu",
            "steps": 9,
            "steps_planned": 9,
        },
    )
    answer = np.zeros(n_outputs + 3)
    answer[3], answer[n_outputs + 2] = 1.0, 2.0
    monkeypatch.setattr(SystemMethod, "_loaded", lambda self, problem: loaded)
    monkeypatch.setattr(SystemMethod, "_answer", lambda self, problem: (answer, None, None))
    doubt = method.doubt(problem)
    assert doubt.grave and "right hippocampus, 2 times the largest of cortex" in doubt.text
    answer[n_outputs + 2] = 0.9
    assert method.doubt(problem) is None


def test_a_system_that_reads_a_map_is_not_given_two(patient, monkeypatch):
    both = SimpleNamespace(together=("a", "b"), label="MEG and EEG")
    monkeypatch.setattr(_system, "modality_of", lambda info: both)
    with pytest.raises(
        InvalidInput, match="ConvDip reads one map of the sensors, and MEG and EEG make two"
    ):
        patient_field(patient.paths, SYSTEMS["convdip"])
    assert patient_field(patient.paths, SYSTEMS["deepmeg_mlp_1"]).deep is None
