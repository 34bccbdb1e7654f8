"""--preflight: what it reads, what it says, and how long that takes."""

import json
import os
import resource
import subprocess
import sys
from types import SimpleNamespace

import pytest
from test_bad_input import no_meg, no_points, no_spikes, no_t1w, not_a_nifti, truncated_fif

from bids_app.dataset import Query, find_patient
from bids_app.exit_codes import ExitCode, Outcome
from bids_app.lock import participant_lock
from bids_app.preflight import machine, needs, participant
from pipeline.weights import SHIPPED


def preflight(world, capsys, *options):
    """Exit code, and findings by subject and check."""
    capsys.readouterr()
    code = world.run("--preflight", "--json", *options)
    report = json.loads(capsys.readouterr().out)
    assert report["exit_code"] == code
    return code, {(one["subject"], one["check"]): one for one in report["findings"]}


def test_a_run_that_can_succeed(world, capsys):
    code, found = preflight(world, capsys)
    assert code == ExitCode.DONE
    assert {one["state"] for one in found.values()} == {"ok", "note"}
    assert "128 x 128 x 96 voxels" in found["sub-01", "T1w"]["detail"]
    assert "2.0 min, 306 channels, with empty room" in found["sub-01", "MEG"]["detail"]
    assert "landmarks marked in the T1w" in found["sub-01", "landmarks"]["detail"]
    assert "SOZ marks (channels.tsv:status_description)" in found["sub-02", "SOZ labels"]["detail"]


def _seconds_of_children() -> float:
    """CPU time: the wall clock depends on what else the machine does."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_table_for_people_takes_little_longer_than_starting(world):
    before = _seconds_of_children()
    subprocess.run([sys.executable, "-c", "import bids_app.preflight"], check=True)
    starting = _seconds_of_children() - before
    before = _seconds_of_children()
    done = subprocess.run(
        [sys.executable, "-m", "bids_app.cli", *world.arguments("--preflight")],
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "100"},
    )
    # A second or two for the dataset and as much for imports of stages: machines differ by more than that.
    assert _seconds_of_children() - before < 4 * starting
    assert done.returncode == ExitCode.DONE
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "This run can succeed."


def test_nothing_is_written(world, capsys):
    before = {path: path.stat().st_mtime_ns for path in world.root.rglob("*")}
    preflight(world, capsys)
    assert {path: path.stat().st_mtime_ns for path in world.root.rglob("*")} == before


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (no_t1w, "files"),
        (no_meg, "files"),
        (not_a_nifti, "T1w"),
        (truncated_fif, "MEG"),
        (no_spikes, "spikes"),
    ],
)
def test_what_would_fail_is_found_before(world, capsys, spoil, check):
    spoil(world.bids / "sub-02")
    code, found = preflight(world, capsys)
    assert code == ExitCode.SOME_FAILED
    assert found["sub-02", check]["state"] == "FAIL"
    assert found["sub-02", check]["hint"]
    assert not [one for key, one in found.items() if key[0] == "sub-01" and one["state"] == "FAIL"]


@pytest.mark.parametrize("methods", [("ecd",), ("ecd", "convdip")])
def test_methods_that_give_no_map_are_found_before(world, capsys, methods):
    code, found = preflight(world, capsys, "--methods", *methods)
    assert code != ExitCode.DONE and found["sub-01", "methods"]["state"] == "FAIL"
    assert "gives a map" in found["sub-01", "methods"]["detail"]
    _, found = preflight(world, capsys, "--methods", *methods, "sloreta")
    assert ("sub-01", "methods") not in found


def test_missing_landmarks_are_a_note(world, capsys):
    no_points(world.bids / "sub-02")
    _, found = preflight(world, capsys)
    assert found["sub-02", "landmarks"]["state"] in ("note", "FAIL")


def test_gpu_asked_for_and_absent(world, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    code, found = preflight(world, capsys, "--device", "cuda")
    assert code == ExitCode.NO_GPU
    assert found["machine", "device"]["state"] == "FAIL"


def test_weights_that_were_changed(world, capsys, monkeypatch, tmp_path):
    other = tmp_path / "SHA256SUMS"
    other.write_text(f"{'0' * 64}  {SHIPPED.name}\n")
    monkeypatch.setattr(machine, "CHECKSUMS", other)
    code, found = preflight(world, capsys)
    assert code == ExitCode.MISSING_RESOURCE
    assert "not those that were shipped" in found["machine", "weights"]["detail"]


def test_generic_model_that_is_not_there(world, capsys):
    code, found = preflight(world, capsys, "--generic-model", "nowhere.safetensors")
    assert code == ExitCode.MISSING_RESOURCE
    assert "nowhere.safetensors" in found["machine", "weights"]["detail"]


def test_a_plan_predicts_the_same_memory(world, capsys):
    _, found = preflight(world, capsys)
    files = find_patient(world.bids, "01", Query(), {}, None, False)
    predicted_mb = participant.predicted_memory_mb(files, 500.0)
    assert found["sub-01", "memory"]["detail"].startswith(f"{predicted_mb} MB needed")


def test_too_little_memory(world, capsys, monkeypatch):
    monkeypatch.setattr("bids_app.preflight.participant.available_memory_bytes", lambda: 2**30)
    code, found = preflight(world, capsys)
    assert code == ExitCode.OUT_OF_MEMORY
    assert "1024 MB available" in found["sub-01", "memory"]["detail"]


@pytest.mark.parametrize(
    ("available_mb", "stages", "told"),
    [
        (100, ["headmodel", "spikes"], True),
        # What a plan asks for: a little more than an earlier run took.
        (1700, ["headmodel", "spikes"], False),
        (100, ["compare", "report"], False),
    ],
)
def test_run_with_too_little_memory_says_so_in_its_log(
    world, monkeypatch, capfd, available_mb, stages, told
):
    available = "bids_app.preflight.participant.available_memory_bytes"
    monkeypatch.setattr(available, lambda: available_mb * 2**20)
    own = SimpleNamespace(rss=500 * 2**20, shared=100 * 2**20)
    monkeypatch.setattr("psutil.Process.memory_info", lambda _: own)
    monkeypatch.setattr("bids_app.commands.run_patient", lambda tasks, *_: tasks() and Outcome.DONE)
    assert world.run("--participant-label", "01", "--stage", *stages) == ExitCode.DONE
    assert "Opening raw data file" not in capfd.readouterr().out  # mne's words, with folders
    log = (world.output / "logs" / "sub-01.log").read_text().splitlines()
    lines = [line for line in log if "so that the system may kill this job" in line]
    assert len(lines) == told
    assert all("500 MB there" in line and "warning" not in line for line in lines)


def test_output_below_a_file_cannot_be_written(world, capsys):
    arguments = world.arguments("--preflight", "--json")
    arguments[1] = str(world.root / "config.toml" / "out")
    done = subprocess.run(
        [sys.executable, "-m", "bids_app.cli", *arguments], capture_output=True, text=True
    )
    assert done.returncode == ExitCode.MISSING_RESOURCE
    assert "cannot be written" in done.stdout


def test_participant_in_work(world, capsys):
    with participant_lock(world.output / "sub-01"):
        code, found = preflight(world, capsys, "--participant-label", "01")
    assert code == ExitCode.LOCKED
    assert found["sub-01", "lock"]["state"] == "FAIL"


def test_prediction_holds_for_the_finished_patients(finished):
    recording = needs.Recording(308, 120_000, 1000.0)
    predicted_mb = needs.memory_mb(128 * 128 * 96, [recording], 500.0)
    stages = finished.status("01")["stages"]
    measured_mb = max(record["peak_memory_mb"] for record in stages.values())
    assert 0.6 * predicted_mb < measured_mb < predicted_mb


def test_prediction_grows_with_the_recording():
    hour = needs.Recording(306, 3_600_000, 1000.0)
    copies = needs.memory_mb(1, [hour], 500.0) / (306 * 1_800_000 * 8 / 2**20)
    assert 2 < copies < 4
    odd = needs.Recording(306, 3_600_000, 1200.0)
    assert needs.memory_mb(1, [odd], 500.0) > needs.memory_mb(1, [hour], 500.0)
