"""The lock files, the set-up script and the image belong together."""

import os
import re
import shutil
import subprocess
import tomllib
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-cuda.lock", "requirements-dev.lock")


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: str) -> dict[str, str]:
    lines = (ROOT / lock).read_text().splitlines()
    found = {}
    for line in lines:
        if line.strip() and not line.lstrip().startswith("#"):
            name, version = line.split("==")
            found[normalized(name)] = version
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_holds_plain_exact_versions_only(lock):
    for name, version in pins(lock).items():
        assert re.fullmatch(r"[0-9][0-9a-z.]*", version), f"{name}=={version}"


def test_lock_covers_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    run_time, cuda, dev = map(pins, LOCKS)
    names = {normalized(re.split(r"[=<>~! ]", need)[0]) for need in project["dependencies"]}
    assert names <= set(run_time)
    extra = project["optional-dependencies"]["dev"]
    assert {normalized(re.split(r"[=<>~! ]", need)[0]) for need in extra} <= set(dev)
    assert not set(run_time) & set(dev)
    assert not set(run_time) & set(cuda)


def test_this_environment_is_the_locked_one():
    if not (ROOT / ".venv" / ".done").exists():
        pytest.skip("not set up by make: versions are the environment's own affair")
    locked = pins("requirements.lock") | pins("requirements-dev.lock")
    installed = {name: metadata.version(name).partition("+")[0] for name in locked}
    assert installed == locked


def run_setup(tmp_path: Path, libraries: str, **programs: str) -> subprocess.CompletedProcess:
    """Run setup.sh in a tree of its own, with stand-ins for system programs first on the PATH."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "containers").mkdir()
    shutil.copy(ROOT / "scripts" / "setup.sh", tmp_path / "scripts")
    (tmp_path / "containers" / "system-libraries.txt").write_text(libraries)
    stand_ins = tmp_path / "bin"
    stand_ins.mkdir()
    for name, body in programs.items():
        program = stand_ins / name.replace("_", "-")
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
    return subprocess.run(
        [tmp_path / "scripts" / "setup.sh"],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{stand_ins}:{os.environ['PATH']}"},
        check=False,
    )


def test_setup_without_root_names_the_missing_packages_and_the_command(tmp_path):
    done = run_setup(
        tmp_path,
        "# comment\nlibabsent9  libabsent.so.9\nlibc6  libc.so.6\n",
        id="echo 1000",
        sudo="exit 1",
        apt_get=f"touch {tmp_path}/apt-was-called",
    )
    assert done.returncode == 1
    assert "sudo apt-get install --no-install-recommends -y libabsent9'" in done.stderr
    assert "libc6" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "apt-was-called").exists()
    assert not (tmp_path / ".venv").exists()


def test_setup_as_root_installs_the_missing_packages_first(tmp_path):
    done = run_setup(
        tmp_path,
        "libabsent9  libabsent.so.9\n",
        id="echo 0",
        apt_get=f'echo "$@" >> {tmp_path}/apt-calls; [ "$1" = update ]',
    )
    assert done.returncode != 0  # the stand-in refuses to install
    calls = (tmp_path / "apt-calls").read_text().splitlines()
    assert calls[0].startswith("update")
    assert calls[1].endswith("-y libabsent9")
    assert not (tmp_path / ".venv").exists()


def test_setup_refuses_an_old_python(tmp_path):
    old = 'case "$1" in --version) echo Python 3.9.2;; *) exit 1;; esac'
    done = run_setup(tmp_path, "", python3=old)
    assert done.returncode == 1
    assert "Python 3.9.2 is too old" in done.stderr


def test_image_copies_every_package_and_keeps_out_the_rest():
    kept = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = set()
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            copied |= set(line.split()[1:-1])
    assert copied == kept
    find = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert {pattern.rstrip("*") for pattern in find["find"]["include"]} <= kept


def test_an_installed_package_holds_every_data_file():
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = setuptools["package-data"]["*"]
    files = [
        file
        for package in ("bids_app", "pipeline", "reports")
        for file in (ROOT / package).rglob("*")
        if file.is_file() and file.suffix not in (".py", ".pyc") and not file.name.startswith(".")
    ]
    assert files
    left_out = [file for file in files if not any(fnmatch(file.name, p) for p in patterns)]
    assert left_out == []
