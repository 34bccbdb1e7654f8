"""Skipping, failing and recording, with stages that only write a file."""

import dataclasses
import gc
import json
import os
import subprocess
import sys
import weakref
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from bids_app.exit_codes import Outcome
from bids_app.failures import anonymous_traceback
from bids_app.lock import participant_lock
from bids_app.progress import ConsoleProgress
from bids_app.resources import StageMeter
from bids_app.runner import run_patient
from bids_app.stages import Task
from bids_app.status import read_cohort
from pipeline.errors import InvalidInput
from pipeline.files import atomic_path, write_text
from pipeline.options import option
from pipeline.paths import PatientPaths


@dataclasses.dataclass(frozen=True)
class Config:
    number: int = option(1, "a number")
    model: str = option("", "a file", file=True, empty=True)


class CountingStage:
    """Copies its input file to its output file and counts how often it ran."""

    def __init__(self, source: Path, target: Path, error: BaseException | None = None):
        self.source, self.target, self.error, self.n_runs = source, target, error, 0
        self.during = lambda: None

    def reads(self, inputs, paths):
        return [self.source]

    def writes(self, paths):
        return [self.target]

    def run(self, inputs, paths, config, progress):
        self.n_runs += 1
        progress.warn("something to know")
        self.during()
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

    def run(config=Config(), verbose=False):
        task = FakeTask("headmodel", SimpleNamespace(), config, stage)
        progress = ConsoleProgress("sub-01", tmp_path / "sub-01.log")
        return run_patient(lambda: [task], paths, ("headmodel",), progress, verbose)

    return SimpleNamespace(source=source, paths=paths, stage=stage, run=run)


def status_of(world):
    return json.loads(world.paths.status.read_text())


def test_unchanged_stage_is_skipped_and_its_warnings_are_kept(world):
    assert world.run() is Outcome.DONE
    assert world.run() is Outcome.DONE
    assert world.stage.n_runs == 1
    assert status_of(world)["warnings"] == ["something to know"]


@pytest.mark.parametrize(
    "change", ["input", "option", "output lost", "output damaged", "status damaged"]
)
def test_stage_runs_again_when_something_changed(world, change):
    world.run()
    config = Config()
    if change == "input":
        world.source.write_text("two")
    elif change == "option":
        config = Config(2)
    elif change == "output lost":
        world.stage.target.unlink()
    elif change == "output damaged":
        world.stage.target.write_text("on")
    else:
        world.paths.status.write_text("{")
    world.run(config)
    assert world.stage.n_runs == 2


def test_what_a_named_file_holds_counts_and_not_where_it_lies(world, tmp_path):
    file = tmp_path / "model.bin"
    file.write_text("one")
    world.run(Config(model=str(file)))
    elsewhere = file.rename(tmp_path / "moved.bin")
    world.run(Config(model=str(elsewhere)))
    assert world.stage.n_runs == 1
    elsewhere.write_text("two")
    world.run(Config(model=str(elsewhere)))
    assert world.stage.n_runs == 2


def test_damaged_result_of_another_stage_is_refused_until_that_stage_runs(world, tmp_path):
    world.run()
    target = world.paths.anat("second.txt")
    second = CountingStage(world.stage.target, target)
    task = FakeTask("spikes", SimpleNamespace(), Config(), second)

    def run_second():
        progress = ConsoleProgress("sub-01", quiet=True)
        return run_patient(lambda: [task], world.paths, ("spikes",), progress)

    world.stage.target.write_text("edited")
    assert run_second() is Outcome.INVALID_INPUT
    assert "copy.txt" in status_of(world)["message"]
    assert "headmodel" in status_of(world)["hint"]
    assert not target.exists()
    world.run()
    assert run_second() is Outcome.DONE
    assert target.read_text() == "one"


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


def test_a_damaged_quality_file_of_an_earlier_run_is_a_failure_and_no_end(world):
    """Whether anything was imaged is asked at the end, by a file that this run did not write."""
    world.paths.qc("spikes").parent.mkdir(parents=True)
    world.paths.qc("spikes").write_text("{}")
    assert world.run() is Outcome.INVALID_INPUT
    stored = status_of(world)
    assert stored["state"] == "failed" and "what this version writes" in stored["message"]


def test_options_tried_in_between_do_not_pass_for_done(world):
    """Stopped in the middle of a stage with other options, the first ones must run again."""
    world.run()
    world.stage.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        world.run(Config(2))
    assert status_of(world)["state"] == "stopped"
    world.stage.error = None
    world.run(Config(1))
    assert world.stage.n_runs == 3


def test_files_of_one_name_in_two_folders_both_count(world, tmp_path):
    other = tmp_path / "other" / "input.txt"
    other.parent.mkdir()
    other.write_text("one")
    world.stage.reads = lambda inputs, paths: [world.source, other]
    world.run()
    other.write_text("two")
    world.run()
    assert world.stage.n_runs == 2


def test_defect_is_an_internal_error_that_quotes_no_data(world, capfd):
    world.stage.error = ValueError("could not convert 'Zebedee Quixote'")
    assert world.run() is Outcome.INTERNAL_ERROR
    assert status_of(world)["message"].startswith("ValueError in bids_app/runner.py, line ")
    log = (world.paths.output_dir.parent / "sub-01.log").read_text()
    assert "runner.py" in log
    assert "Zebedee" not in log + capfd.readouterr().err + world.paths.status.read_text()


def test_traceback_names_all_causes_without_their_words():
    try:
        try:
            int("Zebedee")
        except ValueError as error:
            raise KeyError("Quixote") from error
    except KeyError as error:
        told = anonymous_traceback(error)
    assert "ValueError" in told
    assert "KeyError" in told
    assert 'int("Zebedee")' in told  # our own source line
    assert "invalid literal" not in told


def test_second_job_touches_nothing(world, capfd):
    world.run()
    before = world.paths.status.read_bytes()
    log = (world.paths.output_dir.parent / "sub-01.log").read_bytes()
    world.source.write_text("two")
    with participant_lock(world.paths.folder):
        assert world.run() is Outcome.LOCKED
    assert "Another job works on sub-01" in capfd.readouterr().err
    assert world.stage.n_runs == 1
    assert world.paths.status.read_bytes() == before
    assert (world.paths.output_dir.parent / "sub-01.log").read_bytes() == log


def test_status_while_running_and_after_the_process_died(world):
    seen = []
    world.stage.during = lambda: seen.extend(read_cohort(world.paths.output_dir))
    world.run()
    assert [(one["state"], one["running_stage"]) for one in seen] == [("running", "headmodel")]
    assert seen[0]["pid"] == os.getpid()
    assert [one["state"] for one in read_cohort(world.paths.output_dir)] == ["done"]
    world.paths.status.write_text(json.dumps(status_of(world) | {"state": "running"}))
    assert [one["state"] for one in read_cohort(world.paths.output_dir)] == ["stale"]
    for damaged in ("", "[]", "[" * 100_000, '{"state": 1}'):
        world.paths.status.write_text(damaged)
        assert [one["state"] for one in read_cohort(world.paths.output_dir)] == ["unreadable"]


def test_log_that_cannot_be_written_stops_nothing(world, capfd):
    (world.paths.output_dir.parent / "sub-01.log").mkdir()
    assert world.run() is Outcome.DONE
    assert capfd.readouterr().err.count("the log cannot be written") == 1


def test_json_lines(tmp_path, capfd):
    progress = ConsoleProgress("sub-01", tmp_path / "sub-01.log", log_format="json")
    progress.stage = "spikes"
    progress.warn("few [spikes]")
    with progress.step("filtering"):
        pass
    printed = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert printed[0]["level"] == "warning"
    assert printed[0]["message"] == "few [spikes]"
    assert {"time", "name", "stage", "level", "message"} == set(printed[0])
    stored = [json.loads(line) for line in (tmp_path / "sub-01.jsonl").read_text().splitlines()]
    assert [line["message"] for line in stored] == [
        "few [spikes]",
        "filtering",
        "filtering: done in 0 s",
    ]
    assert "warning: few [spikes]" in (tmp_path / "sub-01.log").read_text()


def test_resources_of_a_stage_and_its_children(world):
    hog = (
        "x = bytearray(300 * 2**20); x[::4096] = b'1' * len(x[::4096]); import time; time.sleep(2)"
    )
    world.stage.during = lambda: subprocess.run([sys.executable, "-c", hog], check=True)
    world.run()
    record = status_of(world)["stages"]["headmodel"]
    own_mb = psutil.Process().memory_info().rss / 2**20
    assert record["seconds"] >= 2
    assert record["peak_memory_mb"] > own_mb + 250
    assert record["peak_gpu_memory_mb"] is None
    world.stage.during = lambda: None
    world.source.write_text("two")
    world.run()
    assert (
        status_of(world)["stages"]["headmodel"]["peak_memory_mb"] < record["peak_memory_mb"] - 250
    )


def test_what_a_forked_child_shares_counts_once():
    script = (
        "import os, time; from bids_app.resources import StageMeter\n"
        "held = bytearray(600 * 2**20); held[::4096] = b'1' * len(held[::4096])\n"
        "with StageMeter() as meter:\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        time.sleep(1.6); os._exit(0)\n"
        "    os.waitpid(child, 0)\n"
        "import psutil; own = psutil.Process().memory_info().rss / 2**20\n"
        "print(meter.record()['peak_memory_mb'], own)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    peak_mb, own_mb = map(float, said.stdout.split())
    assert 600 < peak_mb < own_mb + 300


def test_what_a_stage_leaves_in_circles_is_gone_before_the_next():
    class Circle:
        pass

    gc.disable()
    try:
        with StageMeter():
            circle = Circle()
            circle.itself, left = circle, weakref.ref(circle)
            del circle
            assert left() is not None
        assert left() is None
    finally:
        gc.enable()


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
