"""The whole pipeline on a virtual patient, undisturbed, repeated and killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bids_app.demo.verdict import compare_with_truth
from bids_app.exit_codes import ExitCode
from bids_app.validator import find_validator, validate
from pipeline import STAGES
from pipeline.files import read_json, sha256
from pipeline.paths import PatientPaths

# Tables, arrays and images must be identical byte by byte; the report carries run times.
COMPARED = (".npz", ".tsv", ".gii", ".nii.gz", ".safetensors", ".fif")


def hashes(output):
    return {
        str(file.relative_to(output)): sha256(file)
        for file in sorted(output.rglob("sub-*"))
        if file.is_file() and file.name.endswith(COMPARED)
    }


def test_every_stage_is_done_and_every_file_is_there(finished):
    for label in ("01", "02"):
        status = finished.status(label)
        assert status["state"] == "done"
        assert list(status["stages"]) == list(STAGES)
        paths = PatientPaths(finished.output, label)
        assert paths.report_pdf.read_bytes().startswith(b"%PDF")
        for method in ("personalized", "generic", "sloreta", "dspm", "lcmv"):
            assert paths.sources(method).exists()


def test_the_source_is_found_even_with_coarse_options(finished):
    paths = PatientPaths(finished.output, "01")
    distance = compare_with_truth(paths, finished.root / "truth", "personalized")
    # A map at random lies about 80 mm away.
    assert distance["maximum_to_centre"] < 35


def test_metrics_hold_every_method_with_units(finished):
    metrics = pd.read_csv(finished.output / "sub-01/sub-01_metrics.tsv", sep="\t", dtype=str)
    assert {"personalized", "generic", "sloreta", "lcmv", "ecd"} <= set(metrics.method)
    assert metrics.unit.notna().all()
    described = read_json(finished.output / "sub-01/sub-01_metrics.json")
    assert set(metrics.columns) <= set(described)


def test_no_identity_reaches_the_log(finished):
    assert not [p for p in (finished.output / "logs").glob("*") if "emptyroom" in p.name]
    text = (finished.output / "logs/sub-01.log").read_text()
    for word in ("birth", "mne_anonymize", "his_id"):
        assert word not in text


@pytest.mark.skipif(find_validator() is None, reason="bids-validator-deno is not installed")
def test_derivatives_pass_the_bids_validator(finished):
    errors = [issue for issue in validate(finished.output) if issue["severity"] == "error"]
    assert errors == []


def test_rerun_recomputes_nothing_after_everything_was_moved(world):
    """`world` is a copy in another place."""
    before = {p: p.stat().st_mtime_ns for p in world.output.rglob("sub-0?_*") if p.is_file()}
    started = time.monotonic()
    assert world.run() == 0
    assert time.monotonic() - started < 30
    changed = {p.name for p, when in before.items() if p.stat().st_mtime_ns != when}
    assert changed <= {"sub-01_status.json", "sub-02_status.json", "sub-01.log", "sub-02.log"}


def test_option_of_the_report_renders_only_the_report(world):
    config = world.root / "config.toml"
    config.write_text(config.read_text() + '[report]\npage_size = "Letter"\n')
    before = {p: p.stat().st_mtime_ns for p in world.output.rglob("*") if p.is_file()}
    assert world.run("--participant-label", "01") == 0
    changed = {p.name for p, when in before.items() if p.stat().st_mtime_ns != when}
    assert "sub-01_report.pdf" in changed
    others = {name for name in changed if "_figure." not in name}
    assert others <= {
        "sub-01_report.pdf",
        "sub-01_report.html",
        "sub-01_space-T1w_desc-points_markups.mrk.json",
        "sub-01_desc-report_qc.json",
        "sub-01_status.json",
        "sub-01.log",
    }


def interrupted(program: list[str], log: Path, said: str, number: signal.Signals) -> int:
    """Run until the log says something, send the signal a second later; how the run ended."""
    log.unlink(missing_ok=True)
    process = subprocess.Popen(program, stderr=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None:
        if log.exists() and said in log.read_text():
            time.sleep(1.0)
            os.killpg(process.pid, number)
            break
        time.sleep(0.1)
    return process.wait()


def test_killed_in_every_stage_and_stopped_ends_like_an_undisturbed_run(finished, tmp_path):
    """kill -9 soon after each stage has begun, SIGUSR1 in fine-tuning; the next run goes on."""
    output = tmp_path / "output"
    log = output / "logs" / "sub-01.log"
    arguments = finished.arguments("--participant-label", "01")
    arguments[1] = str(output)
    program = [sys.executable, "-m", "bids_app.cli", *arguments]
    for stage in STAGES:
        ended = interrupted(program, log, f"sub-01 {stage}: ", signal.SIGKILL)
        assert ended == -signal.SIGKILL, f"ended before {stage} was reached"
        if stage == "personalize":
            fine_tuning = "personalize: fine-tuning"
            assert interrupted(program, log, fine_tuning, signal.SIGUSR1) == ExitCode.STOPPED
            status = read_json(output / "sub-01/sub-01_status.json")
            assert (status["state"], status["outcome"]) == ("stopped", "stopped")
            assert "personalize" in status["message"]
            assert list(output.glob("sub-01/.training_*/checkpoint.safetensors"))
    assert subprocess.run(program, stderr=subprocess.DEVNULL, check=False).returncode == 0
    expected = {k: v for k, v in hashes(finished.output).items() if "sub-01" in k}
    assert hashes(output) == expected
    assert not list(output.rglob(".tmp_*"))


def test_activity_peaks_at_the_spike(finished):
    with np.load(PatientPaths(finished.output, "01").sources("personalized")) as sources:
        power = np.abs(sources["activity"]).max(0)
        assert abs(sources["times_s"][power.argmax()]) < 0.06
