"""--preflight: what it reads, what it says, and how long that takes."""

import fnmatch
import json
import os
import resource
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from test_bad_input import no_meg, no_points, no_spikes, no_t1w, not_a_nifti, truncated_fif

from bids_app.cli import main
from bids_app.dataset import Query, find_patient
from bids_app.exit_codes import ExitCode, Outcome
from bids_app.lock import participant_lock
from bids_app.preflight import machine, needs, participant
from bids_app.preflight.installation import TEMPLATES
from pipeline import machine as limits
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


# -- limits of containers and schedulers ------------------------------------------------
def cgroup(tmp_path, files, own):
    for name, content in files.items():
        file = tmp_path / "cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content + "\n")
    (tmp_path / "own").write_text(own + "\n")
    return tmp_path / "cgroup", tmp_path / "own"


@pytest.fixture
def eight_cores(monkeypatch):
    monkeypatch.setattr(limits.os, "sched_getaffinity", lambda _: range(8))


@pytest.mark.parametrize(
    ("files", "own", "cores"),
    [
        ({"cpu.max": "250000 100000"}, "0::/", 2),
        ({"cpu.max": "max 100000"}, "0::/", 8),
        ({"cpu.max": "50000 100000"}, "0::/", 1),
        ({"job/cpu.max": "300000 100000", "cpu.max": "max 100000"}, "0::/job/step", 3),
        ({"cpu.max": "400000 100000"}, "0::/of/the/host", 4),
        (
            {
                "cpu,cpuacct/x/cpu.cfs_quota_us": "500000",
                "cpu,cpuacct/x/cpu.cfs_period_us": "100000",
            },
            "3:cpu,cpuacct:/x",
            5,
        ),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, "3:cpu:/", 8),
        ({}, "", 8),
    ],
)
def test_cores_of_a_control_group(tmp_path, eight_cores, files, own, cores):
    assert limits.available_cores(*cgroup(tmp_path, files, own)) == cores


@pytest.mark.parametrize(
    ("files", "own", "left_mb"),
    [
        ({"memory.max": str(500 * 2**20), "memory.current": str(200 * 2**20)}, "0::/", 300),
        (
            {
                "a/memory.max": str(500 * 2**20),
                "a/memory.current": str(200 * 2**20),
                "a/memory.stat": f"anon 1\ninactive_file {50 * 2**20}",
            },
            "0::/a/b",
            350,
        ),
        (
            {
                "memory/slurm/memory.limit_in_bytes": str(400 * 2**20),
                "memory/slurm/memory.usage_in_bytes": str(100 * 2**20),
            },
            "4:memory:/slurm",
            300,
        ),
    ],
)
def test_memory_of_a_control_group(tmp_path, files, own, left_mb):
    where = cgroup(tmp_path, files, own)
    assert limits.available_memory_bytes(*where) == left_mb * 2**20


def test_no_limit_means_the_machine(tmp_path):
    unlimited = {"memory.max": "max", "memory.current": "1"}
    where = cgroup(tmp_path, unlimited, "0::/")
    available = psutil.virtual_memory().available
    assert limits.available_memory_bytes(*where) == pytest.approx(available, rel=0.2)


# -- the installation alone, without a dataset -------------------------------------------
def installation(capsys, *options):
    capsys.readouterr()
    code = main(["--preflight", "--json", *options])
    report = json.loads(capsys.readouterr().out)
    assert report["exit_code"] == code
    return code, {one["check"]: one for one in report["findings"]}


def test_installation_is_checked_without_a_dataset_within_ten_seconds():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "bids_app.cli", "--preflight", "--nprocs", "1"],
        capture_output=True,
        text=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 10
    assert done.returncode == ExitCode.DONE
    assert "1 of " in done.stdout
    assert done.stdout.splitlines()[-1] == "spikefocus can work here."


def test_installation_names_a_gpu_that_is_not_there(capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    code, found = installation(capsys, "--device", "cuda")
    assert code == ExitCode.NO_GPU
    assert found["device"]["state"] == "FAIL"
    assert found["templates"]["state"] == "ok"


def test_installation_with_a_changed_template(capsys, monkeypatch):
    monkeypatch.setattr("bids_app.preflight.installation._as_pip_notes_it", lambda _: "other")
    code, found = installation(capsys)
    assert code == ExitCode.MISSING_RESOURCE
    assert "not as its package carries it" in found["templates"]["detail"]


def test_every_package_that_carries_templates_lists_them():
    for package, patterns in TEMPLATES.items():
        if package != "spikefocus":  # a source tree's files are in no list
            names = [str(file) for file in metadata.files(package)]
            assert all(fnmatch.filter(names, pattern) for pattern in patterns), package


def test_list_of_files_without_checksums_is_left_out(capsys, monkeypatch, tmp_path):
    """As a build leaves it in a source tree."""
    listed = tmp_path / "pipeline" / "some.npz"
    listed.parent.mkdir()
    listed.touch()
    egg = tmp_path / "spikefocus.egg-info"
    egg.mkdir()
    (egg / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: spikefocus\nVersion: 0\n")
    (egg / "SOURCES.txt").write_text("pipeline/some.npz\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert [str(file) for file in metadata.files("spikefocus")] == ["pipeline/some.npz"]
    code, found = installation(capsys)
    assert code == ExitCode.DONE
    assert found["templates"]["state"] == "ok"


def test_preflight_with_half_a_dataset_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["/data", "--preflight"])
    assert stop.value.code == ExitCode.USAGE
    assert "required: output_dir" in capsys.readouterr().err


@pytest.mark.parametrize(("asked", "used"), [("1", "1"), ("64", "available")])
def test_threads_are_those_asked_for_and_no_more_than_the_job_has(asked, used):
    program = (
        "import sys; from bids_app.cli import main; main(sys.argv[1:]);"
        "import torch; from pipeline.machine import available_cores;"
        "print(torch.get_num_threads(), available_cores())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--preflight", "--nprocs", asked],
        capture_output=True,
        text=True,
    )
    threads, available = done.stdout.splitlines()[-1].split()
    assert threads == (available if used == "available" else used)


def test_installation_with_damaged_weights(capsys, monkeypatch, tmp_path):
    damaged = tmp_path / SHIPPED.name
    damaged.write_bytes(SHIPPED.read_bytes()[:100_000])
    monkeypatch.setattr(machine, "SHIPPED", damaged)
    code, found = installation(capsys)
    assert code == ExitCode.MISSING_RESOURCE
    assert "not those that were shipped" in found["weights"]["detail"]


@pytest.mark.skipif(os.geteuid() != 0, reason="making a control group needs root")
@pytest.mark.parametrize(
    ("places", "asked", "most"),
    [
        (
            {"": ("cpu.max", "100000 100000"), "cpu": ("cpu.cfs_quota_us", "100000")},
            "available_cores",
            1,
        ),
        (
            {"": ("memory.max", "400M"), "memory": ("memory.limit_in_bytes", "400M")},
            "available_memory_bytes",
            400 * 2**20,
        ),
    ],
)
def test_limits_of_a_real_control_group(places, asked, most):
    group, file, value = _real_control_group(places)
    try:
        file.write_text(value)
        # The shell joins the group before it becomes Python.
        program = f"from pipeline.machine import {asked}; print({asked}())"
        join = 'echo $$ >"$0/cgroup.procs" && exec "$@"'
        done = subprocess.run(
            ["sh", "-c", join, group, sys.executable, "-c", program], capture_output=True, text=True
        )
    finally:
        group.rmdir()
    assert most / 2 < int(done.stdout) <= most, done.stderr


def _real_control_group(places) -> tuple[Path, Path, str]:
    """A new group in the first of the `places` that has the limit, its file, and what to write."""
    for folder, (limit, value) in places.items():
        group = Path("/sys/fs/cgroup", folder, f"spikefocus-test-{os.getpid()}")
        if (group.parent / "cgroup.procs").exists():
            group.mkdir()
            if (group / limit).exists():
                return group, group / limit, value
            group.rmdir()
    pytest.skip("no control group can be made here")
