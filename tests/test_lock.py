"""One job per participant, and locks that die with their owners."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bids_app import lock
from bids_app.derivatives import open_output
from bids_app.lock import DEAD_AFTER_S, LOCK_NAME, Locked, Owner, living_owner, participant_lock

ELSEWHERE = {"host": "node7", "boot_id": "of another kernel"}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "sub-01"


def leave_lock(folder, owner, silent_s=0.0):
    """A lock file that nobody holds by the kernel."""
    folder.mkdir(exist_ok=True)
    file = folder / LOCK_NAME
    file.write_text(json.dumps(asdict(owner)))
    touched = time.time() - silent_s
    os.utime(file, (touched, touched))


def holder(folder):
    """A process that takes the lock and keeps it."""
    code = (
        "import sys, time; from pathlib import Path; from bids_app.lock import participant_lock\n"
        "with participant_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_second_job_is_refused_and_told_by_whom(folder):
    process = holder(folder)
    try:
        with pytest.raises(Locked, match=f"process {process.pid} on "):
            with participant_lock(folder):
                pass
        assert living_owner(folder).pid == process.pid
    finally:
        process.kill()
        process.wait()


def test_lock_of_a_killed_job_is_taken_at_once(folder):
    process = holder(folder)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (folder / LOCK_NAME).exists()
    assert living_owner(folder) is None
    with participant_lock(folder):
        assert living_owner(folder).pid == os.getpid()
    assert not (folder / LOCK_NAME).exists()


def test_recycled_process_id_does_not_count(folder):
    mine = Owner.this_process()
    assert mine.is_alive(folder)
    leave_lock(folder, replace(mine, started_ticks=mine.started_ticks - 1))
    assert living_owner(folder) is None
    with participant_lock(folder):
        pass


def test_process_that_waits_to_be_buried_is_dead(folder):
    process = subprocess.Popen([sys.executable, "-c", ""])
    owner = replace(
        Owner.this_process(), pid=process.pid, started_ticks=lock._started_ticks(process.pid)
    )
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not owner.is_alive(folder)
    process.wait()


def test_owner_on_another_computer_lives_while_it_touches_its_lock(folder):
    other = replace(Owner.this_process(), **ELSEWHERE)
    leave_lock(folder, other, silent_s=DEAD_AFTER_S - 60)
    assert living_owner(folder) == other
    with pytest.raises(Locked, match="on node7"), participant_lock(folder):
        pass
    assert lock.read_owner(folder / LOCK_NAME) == other
    leave_lock(folder, other, silent_s=DEAD_AFTER_S + 60)
    assert living_owner(folder) is None
    with participant_lock(folder):
        pass


def test_owner_touches_its_lock(folder, monkeypatch):
    monkeypatch.setattr(lock, "HEARTBEAT_S", 0.05)
    with participant_lock(folder):
        os.utime(folder / LOCK_NAME, (0, 0))
        time.sleep(0.5)
        assert (folder / LOCK_NAME).stat().st_mtime > 0


def test_without_kernel_locks_the_record_decides(folder, monkeypatch):
    def unsupported(*_):
        raise OSError("no locks on this file system")

    monkeypatch.setattr(lock.fcntl, "flock", unsupported)
    with participant_lock(folder):
        with pytest.raises(Locked), participant_lock(folder):
            pass
    mine = Owner.this_process()
    leave_lock(folder, replace(mine, started_ticks=mine.started_ticks - 1))
    with participant_lock(folder):
        pass


@pytest.mark.parametrize("content", ["", "{", '{"pid": 1}', "[]"])
def test_damaged_lock_file_blocks_nobody(folder, content):
    folder.mkdir()
    (folder / LOCK_NAME).write_text(content)
    with participant_lock(folder):
        record = json.loads((folder / LOCK_NAME).read_text())
        assert record["pid"] == os.getpid()


def _take(folder, start, together, won):
    start.wait()
    try:
        with participant_lock(folder):
            with together.get_lock():
                together.value += 1
            assert together.value == 1
            time.sleep(0.01)
            with together.get_lock():
                together.value -= 1
                won.value += 1
    except Locked:
        pass


def test_only_one_job_takes_over_from_a_dead_one(folder):
    mine = Owner.this_process()
    context = multiprocessing.get_context("fork")
    for _ in range(20):
        leave_lock(folder, replace(mine, started_ticks=mine.started_ticks - 1))
        start, together, won = context.Barrier(6), context.Value("i", 0), context.Value("i", 0)
        jobs = [
            context.Process(target=_take, args=(folder, start, together, won)) for _ in range(6)
        ]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
        assert [job.exitcode for job in jobs] == [0] * 6
        assert won.value >= 1


def _open_many(output_dir, bids_dir, start):
    start.wait()
    for _ in range(30):
        open_output(output_dir, bids_dir)
        (output_dir / "dataset_description.json").unlink(missing_ok=True)


def test_jobs_on_different_participants_do_not_race_for_shared_files(tmp_path):
    """Six jobs open one output folder again and again, and throw away what the others wrote."""
    context = multiprocessing.get_context("fork")
    start = context.Barrier(6)
    jobs = [
        context.Process(target=_open_many, args=(tmp_path / "out", tmp_path, start))
        for _ in range(6)
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0] * 6
    assert not list(Path(tmp_path).rglob(".tmp_*"))
