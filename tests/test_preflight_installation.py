"""--preflight without a dataset: the installation alone."""

import fnmatch
import json
import resource
import subprocess
import sys
from importlib import metadata

import pytest

from bids_app.cli import main
from bids_app.exit_codes import ExitCode
from bids_app.preflight import machine
from bids_app.preflight.installation import TEMPLATES
from pipeline.weights import SHIPPED


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
