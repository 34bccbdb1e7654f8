"""How many cores and how much memory this job may use: the machine's, or less by cgroup limits.

Containers, Slurm and Kubernetes limit a job by control groups, version 1 or 2, which the usual
functions know nothing of.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")
# Version 1 writes "no limit" as a number near 2 ** 63.
_NO_LIMIT = 2**60


def available_cores(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUPS) -> int:
    """Cores that the job may use at once, by affinity and CPU quota; at least 1."""
    cores = float(len(os.sched_getaffinity(0)))
    for folder in _folders("cpu", cgroups, own):
        quota = _words(folder / "cpu.max") or [
            *_words(folder / "cpu.cfs_quota_us"),
            *_words(folder / "cpu.cfs_period_us"),
        ]
        if len(quota) == 2 and quota[0].isdigit() and float(quota[1]) > 0:
            cores = min(cores, float(quota[0]) / float(quota[1]))
    return max(1, math.floor(cores))


def cores_used() -> int:
    """Cores that this process's threads may keep busy: those that it was told to use."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    available = available_cores()
    return min(int(told), available) if told.isdigit() and int(told) else available


def available_memory_bytes(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUPS) -> int:
    """Memory that the job may still take."""
    left = [limit - used for limit, used in _memory(cgroups, own)]
    return max(0, min([psutil.virtual_memory().available, *left]))


def _memory(cgroups: Path, own: Path) -> Iterator[tuple[int, int]]:
    """Limit and use of each control group that has a limit; page cache does not count as use."""
    for folder in _folders("memory", cgroups, own):
        for limit_name, used_name, cache_name in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            limit, used = _words(folder / limit_name), _words(folder / used_name)
            if limit and used and limit[0].isdigit() and int(limit[0]) < _NO_LIMIT:
                yield int(limit[0]), int(used[0]) - _statistic(folder, cache_name)


def _folders(controller: str, cgroups: Path, own: Path) -> Iterator[Path]:
    """The job's control group of a controller and all those above it, which limit it too."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        if line.count(":") < 2:
            continue
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = cgroups / controllers if controllers else cgroups
        if controllers and not root.is_dir():
            root = cgroups / controller
        folder = root / path.lstrip("/")
        # In a container the path is the host's, and the container's own group is the root.
        yield from (one for one in (folder, *folder.parents) if one.is_relative_to(root))


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []


def _statistic(folder: Path, name: str) -> int:
    words = _words(folder / "memory.stat")
    return int(words[words.index(name) + 1]) if name in words else 0
