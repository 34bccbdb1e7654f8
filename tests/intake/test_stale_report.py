"""An older report never stands beside a failed status or beside results that it is not about."""

import dataclasses
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bids_app.exit_codes import Outcome
from bids_app.progress import ConsoleProgress
from bids_app.runner import run_patient
from bids_app.stages import Task
from pipeline.errors import InvalidInput
from pipeline.files import read_json, write_text
from pipeline.options import option
from pipeline.paths import PatientPaths


@dataclasses.dataclass(frozen=True)
class Config:
    number: int = option(1, "a number")


class Stage:
    """Copies a file; as the report stage, to all that a report is."""

    def __init__(self, source: Path, targets: list[Path], error: Exception | None = None):
        self.source, self.targets, self.error = source, targets, error
        self.during = lambda: None

    def reads(self, inputs, paths):
        return [self.source]

    def writes(self, paths):
        return self.targets

    def run(self, inputs, paths, config, progress):
        self.during()
        if self.error:
            raise self.error
        for target in self.targets:
            write_text(target, self.source.read_text())


@dataclasses.dataclass(frozen=True)
class StageTask(Task):
    fake: object = None

    @property
    def module(self):
        return self.fake


class Patient:
    def __init__(self, root: Path):
        self.paths = PatientPaths(root / "out", "01")
        self.source = root / "input.txt"
        self.source.write_text("one")
        dicom = self.paths.folder / "dicom" / "sub-01_report.dcm"
        self.report = [self.paths.report_pdf, self.paths.report_html, dicom]
        result = self.paths.anat("result.txt")
        self.stages = {
            "headmodel": Stage(self.source, [result]),
            "report": Stage(result, [*self.report, self.paths.qc("report")]),
        }
        self.no_files: Exception | None = None
        self.log = root / "sub-01.log"

    def run(self, *wanted, option=1):
        def tasks():
            if self.no_files:
                raise self.no_files
            config = Config(option)
            return [
                StageTask(name, SimpleNamespace(), config, stage)
                for name, stage in self.stages.items()
            ]

        progress = ConsoleProgress("sub-01", self.log)
        return run_patient(tasks, self.paths, wanted or tuple(self.stages), progress)

    @property
    def status(self) -> dict:
        return read_json(self.paths.status)

    @property
    def reports_left(self) -> list[Path]:
        return [file for file in (*self.report, self.paths.qc("report")) if file.exists()]


@pytest.fixture
def patient(tmp_path) -> Patient:
    patient = Patient(tmp_path)
    assert patient.run() is Outcome.DONE
    assert len(patient.reports_left) == 4
    return patient


def test_a_rerun_without_changes_keeps_the_report(patient):
    before = [file.stat().st_mtime_ns for file in patient.report]
    assert patient.run() is Outcome.DONE
    assert [file.stat().st_mtime_ns for file in patient.report] == before


@pytest.mark.parametrize("stage", ["inputs", "headmodel", "report"])
def test_a_failure_in_any_stage_leaves_no_older_report(patient, stage):
    patient.source.write_text("two")
    error = InvalidInput("the file is broken", hint="repair it")
    if stage == "inputs":
        patient.no_files = error
    else:
        patient.stages[stage].error = error
    assert patient.run() is Outcome.INVALID_INPUT
    assert patient.status["failed_stage"] == stage
    assert patient.reports_left == []
    assert "report" not in patient.status["stages"]
    assert "earlier report is removed" in patient.log.read_text()
    # What is repaired is run again.
    patient.no_files = patient.stages["headmodel"].error = patient.stages["report"].error = None
    assert patient.run() is Outcome.DONE
    assert {file.read_text() for file in patient.report} == {"two"}


def test_a_run_of_some_stages_leaves_no_report_of_older_results(patient):
    patient.source.write_text("two")
    assert patient.run("headmodel") is Outcome.DONE
    assert patient.reports_left == []


def test_a_run_of_some_stages_that_changes_nothing_keeps_the_report(patient):
    assert patient.run("headmodel") is Outcome.DONE
    assert len(patient.reports_left) == 4


def test_the_report_is_gone_before_a_stage_begins(patient):
    seen = []
    patient.stages["headmodel"].during = lambda: seen.append(patient.reports_left)
    patient.run(option=2)
    assert seen == [[]]


def test_a_killed_run_leaves_no_older_report(tmp_path):
    program = (
        "import os, signal, sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from test_stale_report import Patient\n"
        "patient = Patient(Path(sys.argv[1])); patient.run()\n"
        "assert len(patient.reports_left) == 4\n"
        "patient.stages['headmodel'].during = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
        "patient.run(option=2)\n"
    )
    arguments = [sys.executable, "-c", program, str(tmp_path), str(Path(__file__).parent)]
    done = subprocess.run(arguments, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    paths = PatientPaths(tmp_path / "out", "01")
    assert paths.anat("result.txt").exists()
    assert not paths.report_pdf.exists() and not paths.report_html.exists()


def test_processor_seconds_stand_beside_those_of_the_clock(patient):
    def work():
        # A child's work is the stage's, too.
        busy = "import time\nwhile time.process_time() < 0.6: pass"
        subprocess.run([sys.executable, "-S", "-c", busy], check=True)

    patient.stages["headmodel"].during = work
    patient.run(option=2)
    record = patient.status["stages"]["headmodel"]
    assert 0.5 < record["cpu_seconds"] <= record["seconds"] + 0.5
    assert record["cores"] >= 1
