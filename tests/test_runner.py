"""Skipping, failing and recording, with stages that only write a file."""

import dataclasses
import errno
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from bids_app.exit_codes import ExitCode, Outcome, exit_code_of
from bids_app.progress import ConsoleProgress
from bids_app.runner import explain, run_patient
from bids_app.stages import Task
from bids_app.status import Status, read_cohort
from pipeline.errors import InvalidInput
from pipeline.files import atomic_path, write_text
from pipeline.paths import PatientPaths


@dataclasses.dataclass(frozen=True)
class Config:
    option: int = 1


class CountingStage:
    """Copies its input file to its output file and counts how often it ran."""

    def __init__(self, source: Path, target: Path, error: Exception | None = None):
        self.source, self.target, self.error, self.n_runs = source, target, error, 0

    def reads(self, inputs, paths):
        return [self.source]

    def writes(self, paths):
        return [self.target]

    def run(self, inputs, paths, config, progress):
        self.n_runs += 1
        progress.warn("something to know")
        if self.error:
            raise self.error
        write_text(self.target, self.source.read_text())


@dataclasses.dataclass(frozen=True)
class FakeTask(Task):
    fake: object = None

    @property
    def module(self):
        return self.fake


@pytest.fixture
def world(tmp_path):
    source = tmp_path / "input.txt"
    source.write_text("one")
    paths = PatientPaths(tmp_path / "out", "01")
    paths.folder.mkdir(parents=True)
    stage = CountingStage(source, paths.anat("copy.txt"))

    def run(config=Config()):
        task = FakeTask("headmodel", None, config, stage)
        progress = ConsoleProgress("sub-01", quiet=True)
        return run_patient(lambda: [task], Status.load(paths), ("headmodel",), progress)

    return SimpleNamespace(source=source, paths=paths, stage=stage, run=run)


def status_of(world):
    return json.loads(world.paths.status.read_text())


def test_unchanged_stage_is_skipped_and_its_warnings_are_kept(world):
    assert world.run() is Outcome.DONE
    assert world.run() is Outcome.DONE
    assert world.stage.n_runs == 1
    assert status_of(world)["warnings"] == ["something to know"]


@pytest.mark.parametrize("change", ["input", "option", "output lost", "status damaged"])
def test_stage_runs_again_when_something_changed(world, change):
    world.run()
    config = Config()
    if change == "input":
        world.source.write_text("two")
    elif change == "option":
        config = Config(2)
    elif change == "output lost":
        world.stage.target.unlink()
    else:
        world.paths.status.write_text("{")
    world.run(config)
    assert world.stage.n_runs == 2


def test_moving_the_dataset_invalidates_nothing(world, tmp_path):
    world.run()
    moved = tmp_path / "elsewhere" / "input.txt"
    moved.parent.mkdir()
    world.stage.source = world.source.rename(moved)
    world.run()
    assert world.stage.n_runs == 1


def test_failure_is_recorded_with_its_remedy(world):
    world.stage.error = InvalidInput("The file is cut off", file="x.fif", hint="copy it again")
    assert world.run() is Outcome.INVALID_INPUT
    status = status_of(world)
    assert (status["state"], status["failed_stage"]) == ("failed", "headmodel")
    assert (status["message"], status["hint"]) == ("The file is cut off (x.fif)", "copy it again")
    world.stage.error = None
    assert world.run() is Outcome.DONE
    assert status_of(world)["message"] is None


def test_defect_is_an_internal_error_in_one_line(world):
    world.stage.error = ValueError("first line\nsecond line")
    assert world.run() is Outcome.INTERNAL_ERROR
    assert status_of(world)["message"] == "ValueError: first line"


def test_full_disk_is_a_missing_resource():
    outcome, message, hint = explain(OSError(errno.ENOSPC, "No space left on device", "a.npz"))
    assert outcome is Outcome.MISSING_RESOURCE
    assert "No space left" in message
    assert "free disk space" in hint


def test_nothing_half_written_stands_under_a_final_name(tmp_path):
    final = tmp_path / "table.tsv"
    final.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(final) as tmp:
        tmp.write_text("half")
        raise RuntimeError
    assert final.read_text() == "old"
    assert list(tmp_path.iterdir()) == [final]


def test_leftovers_of_a_killed_run_are_cleared(world):
    leftover = world.paths.anat(".tmp_x")
    leftover = leftover.with_name(".tmp_surface.gii")
    leftover.parent.mkdir(parents=True, exist_ok=True)
    leftover.write_text("half")
    world.run()
    assert not leftover.exists()


def test_a_run_whose_process_is_gone_is_stale(world):
    world.run()
    status = status_of(world) | {"state": "running", "pid": 2**22 + 1}
    world.paths.status.write_text(json.dumps(status))
    assert [one["state"] for one in read_cohort(world.paths.output_dir)] == ["stale"]


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([], ExitCode.NOTHING_TO_PROCESS),
        ([Outcome.DONE], ExitCode.DONE),
        ([Outcome.DONE, Outcome.INVALID_INPUT], ExitCode.SOME_FAILED),
        ([Outcome.INVALID_INPUT, Outcome.MISSING_RESOURCE], ExitCode.ALL_FAILED),
        ([Outcome.MISSING_RESOURCE], ExitCode.MISSING_RESOURCE),
        ([Outcome.INTERNAL_ERROR], ExitCode.INTERNAL_ERROR),
    ],
)
def test_exit_code_tells_some_from_all(outcomes, code):
    assert exit_code_of(outcomes) is code
