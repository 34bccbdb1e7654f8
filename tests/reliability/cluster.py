"""A cohort on a real Slurm whose nodes die: does it end as if nothing had happened?

`python tests/reliability/cluster.py FOLDER slurm snakemake overhead parallel` starts munge, slurmctld
and two slurmd on loopback (as root; Debian's slurm-wlm and munge), and stops them in the end. Eight
small virtual patients with coarse options, one with half a recording, are planned with `spikefocus
plan` and run. One node loses its power while it personalizes, another task is told that its
time is up. The end must be what one process gives that takes the patients in turn.
"""

import argparse
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from faults import CONFIG, hashes
from loopback_slurm import POLL_S, Slurm, is_down, queued_again, wait_until

from bids_app.demo.create import create_virtual_patients
from bids_app.exit_codes import ExitCode
from bids_app.lock import living_owner
from pipeline.files import read_json
from pipeline.paths import PatientPaths
from pipeline.progress import Progress

N_PATIENTS = 8
BROKEN = "05"
PROGRAM = [sys.executable, "-m", "bids_app.cli"]
# For everything to end.
TIME_LIMIT_S = 3600.0


class Campaign:
    """The cohort, the reference, and what was found wrong."""

    def __init__(self, root: Path, cpus: list[int], snakemake: str):
        self.root, self.cpus, self.snakemake = root, cpus, snakemake
        self.bids, self.reference = root / "bids", root / "reference"
        self.config = root / "config.toml"
        self.labels = [f"{i + 1:02d}" for i in range(N_PATIENTS)]
        self.good = [label for label in self.labels if label != BROKEN]
        self.problems: list[str] = []

    def create(self) -> None:
        """Create the patients, where that was not done before."""
        self.config.write_text(CONFIG)
        if not self.bids.exists():
            create_virtual_patients(
                self.root, N_PATIENTS, 1, "neuromag", Progress(), minutes=2.0, small=True
            )
            recording = next((self.bids / f"sub-{BROKEN}").glob("meg/*_meg.fif"))
            os.truncate(recording, recording.stat().st_size // 2)

    def take_in_turn(self) -> None:
        """Run all patients in one process, as the reference; what is done already is skipped."""
        code = self.run(self.reference)
        if code != ExitCode.SOME_FAILED:
            raise SystemExit(f"the run to compare with ended with {code}, not with 5")

    def arguments(self, output: Path, *options: str) -> list[str]:
        given = ["--config", str(self.config), "--nprocs", "1", "--skip-bids-validation", *options]
        return [str(self.bids), str(output), *given]

    def run(self, output: Path, *options: str) -> int:
        """The participant level in a process of its own, bound to the first processor."""
        bids, out, *rest = self.arguments(output, "--device", "cpu", *options)
        words = [*PROGRAM, bids, out, "participant", *rest]
        with (self.root / "reference.log").open("a") as log:
            bound = ["taskset", "--cpu-list", str(self.cpus[0])]
            return subprocess.run([*bound, *words], stderr=log, stdout=log).returncode

    def plan(self, engine: str, output: Path, out: Path, *options: str) -> None:
        shutil.rmtree(out, ignore_errors=True)
        words = [*PROGRAM, "plan", *self.arguments(output, "--engine", engine, "--out", str(out))]
        subprocess.run([*words, "--program", shlex.join(PROGRAM), *options], check=True)

    def expect(self, holds: bool, what: str) -> None:
        if not holds:
            self.problems.append(what)

    def check(self, output: Path) -> None:
        """The good ones as in the reference, byte by byte; the broken one reported; nothing left."""
        for label in self.good:
            status = read_json(PatientPaths(output, label).status)
            self.expect(status["state"] == "done", f"sub-{label} is {status['state']}")
            expected = hashes(self.reference, label)
            other = sorted(set(hashes(output, label).items()) ^ set(expected.items()))
            names = ", ".join(sorted({name for name, _ in other}))
            self.expect(bool(expected) and not other, f"sub-{label} has other bytes: {names}")
            self.expect(PatientPaths(output, label).report_pdf.exists(), f"sub-{label}: no report")
        told, expected = (
            {k: v for k, v in read_json(PatientPaths(o, BROKEN).status).items() if k in _TOLD}
            for o in (output, self.reference)
        )
        self.expect(told == expected and told["state"] == "failed", f"sub-{BROKEN}: {told}")
        left = [p.name for p in output.rglob(".*") if p.name != ".bidsignore"]
        self.expect(not left, f"left over: {', '.join(left)}")

    def kill_in_the_middle(self, slurm: Slurm, fine_tunes: Callable[[dict], str | None]) -> None:
        """Take a node's power while it fine-tunes, and give it back once its task is queued again.

        `fine_tunes` tells the participant whom a task of the queue fine-tunes, None for others.
        """
        victim = next(self.fine_tuning(slurm, fine_tunes))
        slurm.kill_node(victim["node"])
        print(f"{victim['node']} died with job {victim['job']} ({victim['participant']})")
        owner = living_owner(self.root / "output" / victim["participant"])
        self.expect(owner is None, "a lock outlives the node")
        wait_until(lambda: is_down(slurm, victim["node"]), 300)
        slurm.start_node(victim["node"])

    def fine_tuning(self, slurm: Slurm, fine_tunes) -> Iterator[dict]:
        """Tasks that are fine-tuning right now, as their status files say; waits for them."""
        deadline = time.monotonic() + TIME_LIMIT_S
        while time.monotonic() < deadline:
            for task in slurm.queue():
                label = fine_tunes(task)
                if label and task["state"] == "RUNNING":
                    file = PatientPaths(self.root / "output", label).status
                    if file.exists() and read_json(file)["running_stage"] == "personalize":
                        yield task | {"participant": f"sub-{label}"}
            time.sleep(POLL_S)


_TOLD = ("state", "outcome", "failed_stage", "message", "hint")


def by_slurm(campaign: Campaign) -> None:
    """The job arrays, with a node that dies and a task whose time is up."""
    campaign.take_in_turn()
    output, plan = campaign.root / "output", campaign.root / "plan"
    shutil.rmtree(output, ignore_errors=True)
    campaign.plan("slurm", output, plan)

    def fine_tunes(task: dict) -> str | None:
        return (
            campaign.labels[int(task["task"]) - 1] if task["name"] == "spikefocus-network" else None
        )

    with Slurm(campaign.root / "slurm", campaign.cpus) as slurm:
        started = time.monotonic()
        slurm.call(str(plan / "submit.sh"))
        first = next(campaign.fine_tuning(slurm, fine_tunes))
        slurm.call("scancel", "--batch", "--signal=USR1", first["job"])
        print(f"job {first['job']} ({first['participant']}) was told that its time is up")
        wait_until(lambda: queued_again(slurm, first["job"]), 60)
        told = read_json(PatientPaths(output, first["participant"].removeprefix("sub-")).status)
        campaign.expect(told["outcome"] == "stopped", f"{first['participant']} was not stopped")
        campaign.kill_in_the_middle(slurm, fine_tunes)
        wait_until(lambda: not slurm.queue(), TIME_LIMIT_S)
        print(f"slurm: {time.monotonic() - started:.0f} s")
        history = slurm.history()
    last = {(one["Name"], one["ArrayTaskId"]): one for one in history}
    for i, label in enumerate(campaign.labels, 1):
        ends = [
            (last[f"spikefocus-{step}", str(i)]["JobState"], code_of(last, step, i))
            for step in ("head", "network", "report")
        ]
        expected = [("COMPLETED", "0:0")] * 3
        if label == BROKEN:
            expected = [("FAILED", f"{ExitCode.ALL_FAILED:d}:0"), *[("CANCELLED", "0:0")] * 2]
        campaign.expect(ends == expected, f"sub-{label}: its tasks ended with {ends}")
    states = [one["JobState"] for one in history]
    print("records:", ", ".join(f"{states.count(s)} {s}" for s in sorted(set(states))))
    campaign.expect("NODE_FAIL" in states, "Slurm did not notice the node's death")
    campaign.check(output)


def by_snakemake(campaign: Campaign) -> None:
    """The workflow with its Slurm profile, with a node that dies."""
    campaign.take_in_turn()
    output, plan = campaign.root / "output", campaign.root / "plan"
    shutil.rmtree(output, ignore_errors=True)
    campaign.plan("snakemake", output, plan)
    quick = ("--slurm-init-seconds-before-status-checks=2", "--seconds-between-status-checks=3")
    words = [campaign.snakemake, "--profile=slurm", "--slurm-status-command=squeue", *quick]

    def fine_tunes(task: dict) -> str | None:
        found = re.fullmatch(r"rule_network_wildcards_(\w+)", task["comment"])
        return found[1] if found else None

    with Slurm(campaign.root / "slurm", campaign.cpus) as slurm:
        started = time.monotonic()
        with (campaign.root / "snakemake.log").open("w") as log:
            run = subprocess.Popen(words, cwd=plan, stdout=log, stderr=subprocess.STDOUT)
            try:
                campaign.kill_in_the_middle(slurm, fine_tunes)
                code = run.wait(TIME_LIMIT_S)
            finally:
                if run.poll() is None:
                    run.send_signal(signal.SIGINT)
                    run.wait()
        print(f"snakemake on slurm: {time.monotonic() - started:.0f} s, code {code}")
        states = [one["JobState"] for one in slurm.history()]
    print("records:", ", ".join(f"{states.count(s)} {s}" for s in sorted(set(states))))
    campaign.expect(code == 1, f"Snakemake ended with {code}, though a participant failed")
    campaign.expect("NODE_FAIL" in states, "Slurm did not notice the node's death")
    done = {p.name for p in (plan / "done").iterdir()}
    expected = {f"{one}.{step}" for one in campaign.good for step in ("head", "network", "report")}
    campaign.expect(done == expected, f"done according to Snakemake: {sorted(done)}")
    campaign.check(output)


def overhead(campaign: Campaign) -> None:
    """Seconds that a participant costs who is done already: what starting and queueing take."""
    campaign.take_in_turn()
    label = campaign.good[0]
    one = ("--participant-label", label)
    output, plan = campaign.root / "finished", campaign.root / "plan"
    shutil.rmtree(output, ignore_errors=True)
    shutil.copytree(campaign.reference, output)

    def say(what: str, work: Callable[[], object]) -> None:
        seconds, cpu_seconds = timed(work)
        print(
            f"overhead, {what}: {seconds:.1f} s, {cpu_seconds:.1f} s of CPU time here, "
            f"load {os.getloadavg()[0]:.1f}",
            flush=True,
        )

    say("one process", lambda: campaign.run(output, *one))
    campaign.plan("snakemake", output, plan, *one)
    bound = ["taskset", "--cpu-list", str(campaign.cpus[0])]
    local = [*bound, campaign.snakemake, "--cores=1", "--quiet=all"]
    say("snakemake, three steps", lambda: subprocess.run(local, cwd=plan, check=True))
    campaign.plan("slurm", output, plan, *one)
    with Slurm(campaign.root / "slurm", campaign.cpus[:1]) as slurm:

        def array() -> None:
            slurm.call(str(plan / "submit.sh"))
            wait_until(lambda: not slurm.queue(), 600)

        say("slurm, three steps", array)
        campaign.plan("snakemake", output, plan, *one)
        on_slurm = [campaign.snakemake, "--profile=slurm", "--slurm-status-command=squeue"]
        say(
            "snakemake on slurm, three steps, its usual pauses",
            lambda: subprocess.run([*on_slurm, "--quiet=all"], cwd=plan, check=True),
        )


def parallel(campaign: Campaign) -> None:
    """Four participants, one, two and four at a time, with one thread each, on all processors."""
    labels, output, plan = campaign.good[:4], campaign.root / "parallel", campaign.root / "plan"
    cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))))
    for at_once in (1, 2, 4):
        shutil.rmtree(output, ignore_errors=True)
        campaign.plan("snakemake", output, plan, "--participant-label", *labels)
        words = ["taskset", "--cpu-list", cpus, campaign.snakemake, f"--cores={at_once}"]
        seconds, cpu_seconds = timed(
            lambda words=words: subprocess.run([*words, "--quiet=all"], cwd=plan, check=True)
        )
        peaks = [
            record["peak_memory_mb"]
            for label in labels
            for record in read_json(PatientPaths(output, label).status)["stages"].values()
        ]
        print(
            f"{len(labels)} participants, {at_once} at a time on processors {cpus}: {seconds:.0f} s, "
            f"{cpu_seconds:.0f} s of CPU time, at most {max(peaks)} MB each, "
            f"load {os.getloadavg()[0]:.1f}",
            flush=True,
        )


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of CPU time in child processes."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - started, cpu_s


WORK = {"slurm": by_slurm, "snakemake": by_snakemake, "overhead": overhead, "parallel": parallel}


def code_of(last: dict, step: str, task: int) -> str:
    return last[f"spikefocus-{step}", str(task)]["ExitCode"]


def main_campaign() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="gets patients, outputs, plans and Slurm's files")
    parser.add_argument("work", nargs="+", choices=WORK)
    parser.add_argument("--snakemake", default="snakemake", help="path of the program")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    cpus = sorted(os.sched_getaffinity(0))[:2]
    campaign = Campaign(args.folder.resolve(), cpus, args.snakemake)
    campaign.create()
    for name in args.work:
        known = len(campaign.problems)
        WORK[name](campaign)
        found = campaign.problems[known:]
        print(f"{name}: {len(found)} problems", *found, sep="\n  ", flush=True)
    return 1 if campaign.problems else 0


if __name__ == "__main__":
    sys.exit(main_campaign())
