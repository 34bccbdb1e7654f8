"""The command line before any stage runs: usage, dataset and exit codes."""

import json

import pytest

from bids_app.cli import main
from bids_app.exit_codes import ExitCode


@pytest.fixture
def bids_dir(tmp_path):
    root = tmp_path / "bids"
    for name in ("sub-01/anat/sub-01_T1w.nii.gz", "sub-01/meg/sub-01_task-rest_meg.fif"):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("not an image")
    (root / "sub-02/meg").mkdir(parents=True)
    (root / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    return root


def run(bids_dir, *options):
    output = bids_dir.parent / "out"
    return main([str(bids_dir), str(output), "participant", "--skip-bids-validation", *options])


def test_not_a_dataset(tmp_path, capsys):
    assert run(tmp_path / "nowhere") == ExitCode.INVALID_DATASET
    assert "check the path" in capsys.readouterr().err


def test_only_unknown_participants_is_nothing_to_process(bids_dir, capsys):
    assert run(bids_dir, "--participant-label", "99") == ExitCode.NOTHING_TO_PROCESS
    assert "participants 99" in capsys.readouterr().err


def test_label_that_could_leave_the_dataset_is_a_usage_error(bids_dir):
    assert run(bids_dir, "--participant-label", "../01") == ExitCode.USAGE


def test_every_participant_gets_a_status_when_all_fail(bids_dir, capsys):
    assert run(bids_dir, "--participant-label", "01", "sub-02", "99") == ExitCode.ALL_FAILED
    messages = {}
    for label in ("01", "02", "99"):
        file = bids_dir.parent / f"out/sub-{label}/sub-{label}_status.json"
        messages[label] = json.loads(file.read_text())
        assert messages[label]["state"] == "failed"
        assert messages[label]["hint"]
    assert "sub-01_task-rest_meg.fif" in messages["01"]["message"]
    assert "No MEG recording" in messages["02"]["message"]
    assert "Participant 99 is not in the dataset" in messages["99"]["message"]
    assert "Traceback" not in capsys.readouterr().err


def test_contact_labels_are_checked_before_the_work(bids_dir, capsys):
    labels = bids_dir.parent / "labels.json"
    labels.write_text('{"soz": ["A1"]}')
    assert run(bids_dir, "--contact-labels", str(labels)) == ExitCode.USAGE
    assert "labels.json" in capsys.readouterr().err
    assert not (bids_dir.parent / "out").exists()
    assert run(bids_dir, "--contact-labels", str(labels) + "x") == ExitCode.USAGE


def test_stop_on_first_crash_leaves_the_rest_alone(bids_dir):
    assert run(bids_dir, "--stop-on-first-crash") == ExitCode.ALL_FAILED
    assert not (bids_dir.parent / "out/sub-02").exists()


def test_output_that_cannot_be_written(bids_dir, capsys):
    (bids_dir.parent / "out").write_text("a file stands where the folder should be")
    assert run(bids_dir) == ExitCode.MISSING_RESOURCE
    assert "choose a writable folder" in capsys.readouterr().err


def test_dry_run_writes_nothing(bids_dir, capsys):
    assert run(bids_dir, "--dry-run") == ExitCode.SOME_FAILED
    assert not (bids_dir.parent / "out").exists()
    printed = capsys.readouterr().out
    assert "sub-01: would run headmodel" in printed
    assert "sub-02: would fail: No MEG recording" in printed


def test_preflight_finds_the_missing_events(bids_dir, capsys):
    assert run(bids_dir, "--preflight") == ExitCode.ALL_FAILED
    assert "no spikes: none of the MEG recordings" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[heads]\nx = 1\n", "Unknown table [heads]"),
        ("[personalize]\nno_such_option = 1\n", "Unknown option no_such_option"),
        ('[personalize]\nseed = "one"\n', "which is no int"),
        ("not toml", "not valid TOML"),
    ],
)
def test_wrong_configuration_is_a_usage_error(bids_dir, capsys, text, complaint):
    config = bids_dir.parent / "config.toml"
    config.write_text(text)
    assert run(bids_dir, "--config", str(config)) == ExitCode.USAGE
    assert complaint in capsys.readouterr().err


def test_gpu_asked_for_and_absent(bids_dir, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert run(bids_dir, "--device", "cuda") == ExitCode.NO_GPU
    assert "--device cpu" in capsys.readouterr().err


def test_group_without_metrics_is_nothing_to_process(bids_dir):
    out = bids_dir.parent / "out"
    assert main([str(bids_dir), str(out), "group"]) == ExitCode.NOTHING_TO_PROCESS


def test_status_of_an_empty_folder(tmp_path):
    assert main(["status", str(tmp_path)]) == ExitCode.NOTHING_TO_PROCESS


def test_wrong_flag_is_a_usage_error(bids_dir):
    with pytest.raises(SystemExit) as stop:
        run(bids_dir, "--no-such-flag")
    assert stop.value.code == ExitCode.USAGE


def test_work_folder_that_cannot_be_written(bids_dir, capsys):
    (bids_dir.parent / "work").write_text("a file stands where the folder should be")
    work_dir = str(bids_dir.parent / "work")
    assert run(bids_dir, "--work-dir", work_dir) == ExitCode.MISSING_RESOURCE
    assert "choose another --work-dir" in capsys.readouterr().err


def test_defect_before_any_participant_is_one_sentence(bids_dir, capsys, monkeypatch):
    def broken(*_):
        raise ValueError("Zebedee Quixote")

    monkeypatch.setattr("bids_app.commands.check_dataset", broken)
    assert run(bids_dir) == ExitCode.INTERNAL_ERROR
    printed = capsys.readouterr().err
    assert "ValueError in bids_app/commands.py" in printed
    assert "Zebedee" not in printed
    assert "Traceback" not in printed
