"""Fault injection: kill, fill the disk, take folders away, and set the clock, in every stage.

After each fault nothing half-written may stand under a final name, and running again must end in
the same bytes as an undisturbed run. `python tests/reliability/faults.py --help`.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

# Heavy libraries once, in the process that every trial is forked from.
from bids_app import commands  # noqa: F401
from bids_app.cli import main
from bids_app.demo.create import create_virtual_patients
from bids_app.exit_codes import ExitCode
from bids_app.lock import living_owner
from bids_app.stages import MODULES
from pipeline import STAGES
from pipeline.files import read_json, sha256, write_json
from pipeline.paths import PatientPaths
from pipeline.progress import Progress

LABEL = "01"
# Every stage does its real work, but coarsely.
CONFIG = """
[headmodel]
registration = "affine"
shell_vertices = 642
[personalize]
steps = 20
n_test = 64
"""
# Tables, arrays and images must be the same bytes; the report and the status carry run times.
COMPARED = (".npz", ".tsv", ".gii", ".nii.gz", ".safetensors", ".fif")


def hashes(output: Path, label: str = LABEL) -> dict[str, str]:
    """SHA-256 of the participant's tables and arrays by their path below `output`.

    Hidden names are not final ones: what is being written, and the checkpoints of a training.
    """
    folder = PatientPaths(output, label).folder
    return {
        str(file.relative_to(output)): sha256(file)
        for file in sorted(folder.rglob("*"))
        if file.name.endswith(COMPARED)
        and not any(part.startswith(".") for part in file.relative_to(output).parts)
    }


@dataclass
class World:
    """A small virtual patient, an undisturbed run on it, and the place where faults happen."""

    root: Path
    random: random.Random
    problems: list[str] = field(default_factory=list)

    @property
    def bids(self) -> Path:
        return self.root / "bids"

    @property
    def reference(self) -> Path:
        return self.root / "reference"

    def prepare(self) -> None:
        """Create the patient and run it undisturbed, where that was not done before."""
        if not self.bids.exists():
            create_virtual_patients(
                self.root, 1, 1, "neuromag", Progress(), minutes=2.0, small=True
            )
        (self.root / "config.toml").write_text(CONFIG)
        code = run(self.arguments(self.reference), self.root / "reference.log").wait()
        if code != 0:
            raise SystemExit(
                f"the undisturbed run ended with {code}: {self.root / 'reference.log'}"
            )
        self.expected = hashes(self.reference)
        self.seconds = {
            stage: record["seconds"]
            for stage, record in read_json(PatientPaths(self.reference, LABEL).status)[
                "stages"
            ].items()
        }

    def arguments(self, output: Path, *options: str) -> list[str]:
        config = str(self.root / "config.toml")
        given = ["--participant-label", LABEL, "--config", config, "--skip-bids-validation"]
        return [str(self.bids), str(output), "participant", *given, *options]

    def without_stage(self, output: Path, stage: str) -> None:
        """Make `output` the reference as it was before one stage ran."""
        shutil.copytree(self.reference, output, dirs_exist_ok=True)
        paths = PatientPaths(output, LABEL)
        for file in MODULES[stage].writes(paths):
            file.unlink()
        status = read_json(paths.status)
        del status["stages"][stage]
        write_json(paths.status, status)

    def check_after_fault(self, output: Path, what: str) -> None:
        """Nothing half-written under a final name; no lock that outlives its owner."""
        for name, digest in hashes(output).items():
            if self.expected.get(name) != digest:
                self.problems.append(f"{what}: {name} is not what an undisturbed run writes")
        folder = PatientPaths(output, LABEL).folder
        for file in folder.rglob("*.json"):
            if not file.name.startswith("."):
                try:
                    json.loads(file.read_text())
                except ValueError:
                    self.problems.append(f"{what}: {file.name} is cut off")
        if living_owner(folder):
            self.problems.append(f"{what}: the lock outlives its owner")

    def check_rerun(self, output: Path, what: str) -> None:
        """Running again succeeds, with the reference's bytes and nothing left over."""
        log = output.parent / "rerun.log"
        code = run(self.arguments(output), log).wait()
        if code != 0:
            self.problems.append(f"{what}: the rerun ended with {code}: {log.read_text()[-500:]}")
        elif other := sorted(set(hashes(output).items()) ^ set(self.expected.items())):
            names = ", ".join(sorted({name for name, _ in other}))
            self.problems.append(f"{what}: the rerun ends in other bytes ({names})")
        left = [p.name for p in output.rglob(".*") if p.name != ".bidsignore"]
        if left:
            self.problems.append(f"{what}: the rerun leaves {', '.join(left)}")


class run:
    """``spikefocus`` with these arguments in a forked process group of its own."""

    def __init__(self, arguments: list[str], log: Path):
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(target, 1)
            os.dup2(target, 2)
            try:
                code = main(arguments)
            except SystemExit as stop:
                code = stop.code
            os._exit(code)

    def ended(self) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def kill(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:  # so early that it has no group of its own yet
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def kill_at_random(world: World, stage: str, kills: int, burst: int = 10) -> int:
    """Kill a stage `kills` times at uniformly random moments; run to the end after each burst."""
    done = 0
    output = world.root / f"killed_{stage}" / "output"
    while done < kills:
        shutil.rmtree(output.parent, ignore_errors=True)
        world.without_stage(output, stage)
        for _ in range(min(burst, kills - done)):
            moment_s = world.random.uniform(0, world.seconds[stage])
            process = run(world.arguments(output, "--stage", stage), output.parent / "log")
            started = time.monotonic()
            while time.monotonic() < started + moment_s and not process.ended():
                time.sleep(0.01)
            if process.ended():
                process.wait()
                world.seconds[stage] = time.monotonic() - started  # faster than before
                break
            process.kill()
            done += 1
            world.check_after_fault(output, f"{stage} killed after {moment_s:.2f} s")
        world.check_rerun(output, f"{stage} after {done} kills")
    if not world.problems:
        shutil.rmtree(output.parent)
    return done


def fill_disk(world: World, stage: str, trials: int) -> int:
    """Run a stage on a file system that is full after a random part of what it writes (root)."""
    refused = 0
    for trial in range(trials):
        mount = world.root / f"full_{stage}"
        mount.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4g", "none", str(mount)], check=True)
        try:
            world.without_stage(mount / "output", stage)
            before = shutil.disk_usage(mount).used
            written = MODULES[stage].writes(PatientPaths(world.reference, LABEL))
            room = world.random.uniform(0, 1) * sum(file.stat().st_size for file in written)
            resize = ["mount", "-o", f"remount,size={int(before + room)}", str(mount)]
            subprocess.run(resize, check=True)
            what = f"{stage} with {room / 1024:.0f} KiB of disk (trial {trial})"
            options = ("--stage", stage, "--work-dir", str(mount))
            log = world.root / "full.log"
            code = run(world.arguments(mount / "output", *options), log).wait()
            refused += code == ExitCode.MISSING_RESOURCE
            if code not in (ExitCode.DONE, ExitCode.MISSING_RESOURCE):
                world.problems.append(f"{what}: ended with {code}: {log.read_text()[-500:]}")
            world.check_after_fault(mount / "output", what)
            subprocess.run(["mount", "-o", "remount,size=4g", str(mount)], check=True)
            world.check_rerun(mount / "output", what)
        finally:
            subprocess.run(["umount", str(mount)], check=True)
            mount.rmdir()
    return refused


def read_only(world: World) -> int:
    """A work folder, an output folder and a participant's folder on a read-only file system (root)."""
    mount = world.root / "read_only"
    mount.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "none", str(mount)], check=True)
    try:
        world.without_stage(mount / "output", "compare")
        subprocess.run(["mount", "-o", "remount,ro", str(mount)], check=True)
        output = world.root / "read_only_work"
        for what, arguments in (
            ("work folder", world.arguments(output, "--work-dir", str(mount))),
            ("output folder", world.arguments(mount / "new")),
            ("participant's folder", world.arguments(mount / "output")),
        ):
            code = run(arguments, world.root / "read_only.log").wait()
            if code != ExitCode.MISSING_RESOURCE:
                world.problems.append(f"read-only {what}: ended with {code}")
        subprocess.run(["mount", "-o", "remount,rw", str(mount)], check=True)
        world.check_rerun(mount / "output", "read-only before")
    finally:
        subprocess.run(["umount", str(mount)], check=True)
        mount.rmdir()
    return 3


def set_clock(world: World, library: Path, stages: tuple[str, ...]) -> int:
    """Run stages under a clock that begins 20 years back and jumps to and fro (libfaketime)."""
    output, offset = world.root / "clock" / "output", world.root / "clock_offset"
    for stage in stages:
        shutil.rmtree(output.parent, ignore_errors=True)
        world.without_stage(output, stage)
        environment = os.environ | {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(offset),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",  # setting the clock does not set this one
        }
        offset.write_text("-20y\n")
        arguments = world.arguments(output, "--stage", stage)
        with (world.root / "clock.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "bids_app.cli", *arguments], env=environment, stderr=log
            )
            while process.poll() is None:
                time.sleep(1)
                offset.write_text(world.random.choice(["-20y\n", "-1d\n", "+0\n", "+1y\n"]))
        if process.returncode != 0:
            world.problems.append(f"{stage} with a jumping clock ended with {process.returncode}")
        world.check_rerun(output, f"{stage} with a jumping clock")
    return len(stages)


def main_campaign() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="gets the virtual patient and all trials")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--kills", type=int, default=20, help="per stage")
    parser.add_argument("--full-disks", type=int, default=0, help="per stage (root)")
    parser.add_argument("--read-only", action="store_true", help="read-only folders (root)")
    parser.add_argument("--faketime", type=Path, metavar="LIBRARY", help="path of libfaketime.so.1")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    world = World(args.folder.resolve(), random.Random(args.seed))
    world.prepare()

    def count(what: str, fault: Callable, *given) -> None:
        started, known = time.monotonic(), len(world.problems)
        n = fault(world, *given)
        took, found = time.monotonic() - started, world.problems[known:]
        print(f"{what}: {n}, {len(found)} problems, {took:.0f} s", *found, sep="\n  ", flush=True)

    for stage in args.stages:
        if args.kills:
            count(f"kills of {stage}", kill_at_random, stage, args.kills)
        if args.full_disks:
            count(f"full disks that {stage} met", fill_disk, stage, args.full_disks)
    if args.read_only:
        count("read-only folders", read_only)
    if args.faketime:
        count("stages under a jumping clock", set_clock, args.faketime, tuple(args.stages))
    return 1 if world.problems else 0


if __name__ == "__main__":
    sys.exit(main_campaign())
