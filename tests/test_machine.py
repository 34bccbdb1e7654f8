"""What containers and schedulers leave of a machine."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from pipeline import machine as limits


def cgroup(tmp_path, files, own):
    for name, content in files.items():
        file = tmp_path / "cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content + "\n")
    (tmp_path / "own").write_text(own + "\n")
    return tmp_path / "cgroup", tmp_path / "own"


@pytest.fixture
def eight_cores(monkeypatch):
    monkeypatch.setattr(limits.os, "sched_getaffinity", lambda _: range(8))


@pytest.mark.parametrize(
    ("files", "own", "cores"),
    [
        ({"cpu.max": "250000 100000"}, "0::/", 2),
        ({"cpu.max": "max 100000"}, "0::/", 8),
        ({"cpu.max": "50000 100000"}, "0::/", 1),
        ({"job/cpu.max": "300000 100000", "cpu.max": "max 100000"}, "0::/job/step", 3),
        ({"cpu.max": "400000 100000"}, "0::/of/the/host", 4),
        (
            {
                "cpu,cpuacct/x/cpu.cfs_quota_us": "500000",
                "cpu,cpuacct/x/cpu.cfs_period_us": "100000",
            },
            "3:cpu,cpuacct:/x",
            5,
        ),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, "3:cpu:/", 8),
        ({}, "", 8),
    ],
)
def test_cores_of_a_control_group(tmp_path, eight_cores, files, own, cores):
    assert limits.available_cores(*cgroup(tmp_path, files, own)) == cores


@pytest.mark.parametrize(
    ("files", "own", "left_mb"),
    [
        ({"memory.max": str(500 * 2**20), "memory.current": str(200 * 2**20)}, "0::/", 300),
        (
            {
                "a/memory.max": str(500 * 2**20),
                "a/memory.current": str(200 * 2**20),
                "a/memory.stat": f"anon 1\ninactive_file {50 * 2**20}",
            },
            "0::/a/b",
            350,
        ),
        (
            {
                "memory/slurm/memory.limit_in_bytes": str(400 * 2**20),
                "memory/slurm/memory.usage_in_bytes": str(100 * 2**20),
            },
            "4:memory:/slurm",
            300,
        ),
    ],
)
def test_memory_of_a_control_group(tmp_path, files, own, left_mb):
    where = cgroup(tmp_path, files, own)
    assert limits.available_memory_bytes(*where) == left_mb * 2**20


def test_no_limit_means_the_machine(tmp_path):
    unlimited = {"memory.max": "max", "memory.current": "1"}
    where = cgroup(tmp_path, unlimited, "0::/")
    available = psutil.virtual_memory().available
    assert limits.available_memory_bytes(*where) == pytest.approx(available, rel=0.2)


@pytest.mark.skipif(os.geteuid() != 0, reason="making a control group needs root")
@pytest.mark.parametrize(
    ("places", "asked", "most"),
    [
        (
            {"": ("cpu.max", "100000 100000"), "cpu": ("cpu.cfs_quota_us", "100000")},
            "available_cores",
            1,
        ),
        (
            {"": ("memory.max", "400M"), "memory": ("memory.limit_in_bytes", "400M")},
            "available_memory_bytes",
            400 * 2**20,
        ),
    ],
)
def test_limits_of_a_real_control_group(places, asked, most):
    group, file, value = _real_control_group(places)
    try:
        file.write_text(value)
        # The shell joins the group before it becomes Python.
        program = f"from pipeline.machine import {asked}; print({asked}())"
        join = 'echo $$ >"$0/cgroup.procs" && exec "$@"'
        done = subprocess.run(
            ["sh", "-c", join, group, sys.executable, "-c", program], capture_output=True, text=True
        )
    finally:
        group.rmdir()
    assert most / 2 < int(done.stdout) <= most, done.stderr


def _real_control_group(places) -> tuple[Path, Path, str]:
    """A new group in the first of the `places` that has the limit, its file, and what to write."""
    for folder, (limit, value) in places.items():
        group = Path("/sys/fs/cgroup", folder, f"spikefocus-test-{os.getpid()}")
        if (group.parent / "cgroup.procs").exists():
            group.mkdir()
            if (group / limit).exists():
                return group, group / limit, value
            group.rmdir()
    pytest.skip("no control group can be made here")
