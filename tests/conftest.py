"""What tests share: two small virtual patients with a finished run, and a report."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

# Before torch is imported: threads that wait by spinning starve the other tests.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from bids_app.cli import main
from bids_app.demo.create import create_virtual_patients
from pipeline.files import read_json
from pipeline.progress import Progress

if TYPE_CHECKING:
    from rendered_report import RenderedReport

SKIP_NOTHING = "SPIKEFOCUS_SKIP_NOTHING"
"""Variable of the environment: a skipped test is a failure, but for what cannot be installed."""
# Hardware, control groups that the system's owner has not handed on, and other people's recordings.
_NOT_TO_BE_INSTALLED = ("GPU", "control group", "beside this checkout")


def pytest_terminal_summary(terminalreporter):
    """Say at the end what was skipped, and how to have it."""
    skipped = _skipped(terminalreporter)
    for reason, n in sorted(skipped.items()):
        terminalreporter.write_line(f"skipped {n}: {reason}")
    if _installable(skipped):
        terminalreporter.write_line("scripts/test_tools.sh (as root) installs what tests need.")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    is_worker = hasattr(session.config, "workerinput")
    if os.environ.get(SKIP_NOTHING) and not is_worker and _installable(_skipped(reporter)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _skipped(reporter) -> Counter:
    """How many tests were skipped, by reason."""
    reports = reporter.stats.get("skipped", [])
    reasons = (report.longrepr[2].removeprefix("Skipped: ") for report in reports)
    return Counter(reasons)


def _installable(skipped: Counter) -> list[str]:
    return [why for why in skipped if not any(word in why for word in _NOT_TO_BE_INSTALLED)]


# Every stage does its real work, but coarsely: the figures of merit are measured in benchmarks/.
FAST = """
[headmodel]
registration = "affine"
shell_vertices = 642
[personalize]
steps = 20
n_test = 64
"""


@dataclass(frozen=True)
class World:
    """A dataset and the derivatives that the pipeline made of it."""

    root: Path
    """Holds bids/, truth/, output/ and config.toml."""

    @property
    def bids(self) -> Path:
        return self.root / "bids"

    @property
    def output(self) -> Path:
        return self.root / "output"

    def arguments(self, *options: str) -> list[str]:
        return [
            str(self.bids),
            str(self.output),
            "participant",
            "--config",
            str(self.root / "config.toml"),
            "--skip-bids-validation",
            # The number of threads decides the last digits of what runs are compared by.
            "--nprocs",
            "1",
            *options,
        ]

    def run(self, *options: str) -> int:
        return main(self.arguments(*options))

    def status(self, label: str) -> dict:
        return read_json(self.output / f"sub-{label}/sub-{label}_status.json")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory, worker_id) -> Callable[[Callable[[Path], object]], Path]:
    """A folder that a function fills, once for all workers; no test may change what is in it."""
    base = tmp_path_factory.getbasetemp()

    def folder_of(make: Callable[[Path], object]) -> Path:
        folder = (base if worker_id == "master" else base.parent) / make.__name__.strip("_")
        with FileLock(f"{folder}.lock"):
            if not (folder / ".done").exists():
                folder.mkdir()
                make(folder)
                (folder / ".done").touch()
        return folder

    return folder_of


@pytest.fixture(scope="session")
def finished(made_once) -> World:
    """Never changed by a test; `world` is a copy that may be."""
    return World(made_once(_finished_patients))


@pytest.fixture(scope="session")
def rendered(made_once) -> RenderedReport:
    """Never changed by a test."""
    from rendered_report import draw_report, read_rendered

    return read_rendered(made_once(draw_report))


def _finished_patients(root: Path) -> None:
    """Make two patients, and run all stages on both at a time."""
    world = World(root)
    create_virtual_patients(world.root, 2, 1, "neuromag", Progress(), minutes=2.0, small=True)
    (world.root / "config.toml").write_text(FAST)
    # In processes of their own, as the runs that they are compared with.
    program = [sys.executable, "-m", "bids_app.cli", *world.arguments("--participant-label")]
    runs = [
        subprocess.Popen([*program, label], stderr=subprocess.DEVNULL) for label in ("01", "02")
    ]
    assert [run.wait() for run in runs] == [0, 0]


@pytest.fixture
def world(finished, tmp_path) -> World:
    """A copy of `finished`; replace files of the dataset, don't write into them (hard links)."""
    shutil.copytree(finished.bids, tmp_path / "bids", copy_function=os.link)
    shutil.copytree(finished.output, tmp_path / "output")
    shutil.copy(finished.root / "config.toml", tmp_path)
    return World(tmp_path)
