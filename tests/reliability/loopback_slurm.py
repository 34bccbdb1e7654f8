"""A real Slurm on loopback: munge, a controller and two nodes that can lose their power.

As root, with Debian's slurm-wlm and munge.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil

NODES = ("loopback1", "loopback2")
CONFIGURATION = Path("/etc/slurm/slurm.conf")
# Between looks at the queue.
POLL_S = 1.0


class Slurm:
    """A controller and two nodes on loopback, with ports, keys and files of their own.

    Refuses a machine that has a Slurm already (`CONFIGURATION` is there).

    Parameters
    ----------
    root : Path
        Gets keys, logs and state; emptied first.
    cpus : list of int
        Processors of the machine; every node and what runs on it is bound to one, in turn.
    """

    def __init__(self, root: Path, cpus: list[int]):
        self.root, self.cpus = root, cpus

    def __enter__(self) -> "Slurm":
        shutil.rmtree(self.root, ignore_errors=True)
        if CONFIGURATION.exists():
            raise SystemExit(f"there is a Slurm here already ({CONFIGURATION})")
        CONFIGURATION.unlink(missing_ok=True)  # a dead link of a campaign that was killed
        for name in ("state", "log", *(f"spool/{node}" for node in NODES)):
            (self.root / name).mkdir(parents=True)
        key = self.root / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        (self.root / "slurm.conf").write_text(self._configuration())
        # Where jobs look: Snakemake hands no variable on to them whose name begins with SLURM.
        CONFIGURATION.parent.mkdir(exist_ok=True)
        CONFIGURATION.symlink_to(self.root / "slurm.conf")
        files = {
            "key-file": key,
            "socket": self.root / "munge.socket",
            "pid-file": self.root / "munged.pid",
            "log-file": self.root / "log" / "munged.log",
            "seed-file": self.root / "munge.seed",
        }
        try:
            self.call("munged", "--force", *(f"--{name}={file}" for name, file in files.items()))
            self.call("slurmctld")
            for node in NODES:
                self.start_node(node)
            wait_until(lambda: self.call("sinfo", "-h", "-o", "%T").split() == ["idle"], 60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        for node in NODES:
            self.kill_node(node)
        for daemon in ("slurmctld", "munged"):
            self._kill(daemon)
        CONFIGURATION.unlink(missing_ok=True)

    def _configuration(self) -> str:
        control, *ports = free_ports(1 + len(NODES))
        host = socket.gethostname()
        nodes = "\n".join(
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} "
            "CPUs=1 RealMemory=6000"
            for node, port in zip(NODES, ports, strict=True)
        )
        return f"""
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={self.root}/munge.socket
StateSaveLocation={self.root}/state
SlurmctldPidFile={self.root}/slurmctld.pid
SlurmctldLogFile={self.root}/log/slurmctld.log
SlurmdSpoolDir={self.root}/spool/%n
SlurmdPidFile={self.root}/%n.pid
SlurmdLogFile={self.root}/log/%n.log
SlurmdParameters=config_overrides
SlurmdTimeout=15
ReturnToService=2
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=sched_interval=5,bf_interval=5
JobCompType=jobcomp/filetxt
JobCompLoc={self.root}/log/jobs.txt
{nodes}
PartitionName=main Nodes={",".join(NODES)} Default=YES MaxTime=INFINITE
"""

    def call(self, *words: str) -> str:
        """What a command of this Slurm prints; raises where it fails."""
        return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout

    def start_node(self, node: str) -> None:
        cpu = self.cpus[NODES.index(node) % len(self.cpus)]
        self.call("taskset", "--cpu-list", str(cpu), "slurmd", "-N", node)

    def kill_node(self, node: str) -> None:
        """Take its power: the daemon and all that runs on the node end at once, without a word."""
        self._kill(node)
        # Found before the first is killed: a process whose parent just died has no parents to ask.
        found = set()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("SLURMD_NODENAME") == node:
                    found.add(process)
                    found |= {p for p in process.parents() if p.name().startswith("slurmstepd")}
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(found, 30)

    def _kill(self, daemon: str) -> None:
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            psutil.Process(int((self.root / f"{daemon}.pid").read_text())).kill()
            (self.root / f"{daemon}.pid").unlink()

    def queue(self) -> list[dict[str, str]]:
        """Every task that is not over."""
        names = ("job", "name", "task", "state", "node", "comment")
        printed = self.call("squeue", "--noheader", "--array", "--format=%A|%j|%K|%T|%N|%k")
        return [dict(zip(names, line.split("|"), strict=True)) for line in printed.splitlines()]

    def history(self) -> list[dict[str, str]]:
        """One record each time that a task ended or was queued again."""
        file = self.root / "log" / "jobs.txt"
        lines = file.read_text().splitlines() if file.exists() else []
        return [dict(re.findall(r"(\w+)=(\S*)", line)) for line in lines]


def queued_again(slurm: Slurm, job: str) -> bool:
    return any(task["job"] == job and task["state"] == "PENDING" for task in slurm.queue())


def is_down(slurm: Slurm, node: str) -> bool:
    return slurm.call("sinfo", "-h", "-N", "-n", node, "-o", "%T").startswith("down")


def wait_until(holds: Callable[[], bool], limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {limit_s:.0f} s in vain")
        time.sleep(POLL_S)


def free_ports(n: int) -> list[int]:
    """Ports of loopback that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
