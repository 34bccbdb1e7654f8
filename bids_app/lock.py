"""One job per participant: a lock file that names its owner and dies with it."""

import fcntl
import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.errors import InvalidInput, MissingResource, SpikefocusError
from pipeline.files import TMP_PREFIX, open_itself, read_json, refuse_linked_folders

LOCK_NAME = ".spikefocus.lock"
# An owner that cannot be looked at (on another computer) shows that it lives by touching its lock.
HEARTBEAT_S = 60.0
DEAD_AFTER_S = 600.0


class Locked(SpikefocusError):
    """Another job works on this participant."""


@dataclass(frozen=True)
class Owner:
    """The process that holds a lock.

    Attributes
    ----------
    host : str
    boot_id : str
        Of the kernel: the same for all containers of one computer, another one after a restart.
    pid_namespace : str
        Process ids can be compared only within one.
    pid : int
    started_ticks : int
        When the process started, in clock ticks since the computer did: a recycled process id
        has another, and setting the clock does not change it.
    since : str
        When the lock was taken, ISO 8601.
    """

    host: str
    boot_id: str
    pid_namespace: str
    pid: int
    started_ticks: int | None
    since: str

    @classmethod
    def this_process(cls) -> "Owner":
        return cls(
            host=socket.gethostname(),
            boot_id=_boot_id(),
            pid_namespace=_pid_namespace(),
            pid=os.getpid(),
            started_ticks=_started_ticks(os.getpid()),
            since=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def is_alive(self, lock: Path) -> bool:
        """Whether the process still runs; where it cannot be looked at, whether it is silent."""
        if (self.boot_id, self.pid_namespace) == (_boot_id(), _pid_namespace()):
            return _started_ticks(self.pid) == self.started_ticks
        return _silent_s(lock) < DEAD_AFTER_S


@contextmanager
def participant_lock(folder: Path) -> Iterator[Callable[[], None]]:
    """Hold the lock of a participant's folder while the block runs.

    Yields a function that raises MissingResource where the folder was taken away meanwhile, so
    that nothing is written into one made anew, which nobody holds.

    The kernel's lock on the file (flock) ends with its process whatever happened to it, in a
    container too, and lets only one job take over from a dead owner. The record in the file speaks
    where computers share the folder but not the kernel's locks.

    Raises
    ------
    Locked
        A living process holds it.
    MissingResource
        The folder is a link.
    OSError
        The folder cannot be written.
    """
    refuse_linked_folders(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK_NAME
    descriptor, by_kernel = _open_locked(path)
    over = threading.Event()
    try:
        owner = read_owner(path)
        # A process under this kernel would still hold the kernel's lock if it lived.
        known_dead = by_kernel and owner is not None and owner.boot_id == _boot_id()
        if owner is not None and not known_dead and owner.is_alive(path):
            raise _locked(path)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(Owner.this_process())).encode(), 0)
        threading.Thread(target=_beat, args=(path, over), daemon=True).start()

        def check() -> None:
            if not _is_at(path, descriptor):
                raise taken_away(folder)

        try:
            yield check
        finally:
            if _is_at(path, descriptor):
                path.unlink(missing_ok=True)
    finally:
        over.set()
        os.close(descriptor)


def read_owner(lock: Path) -> Owner | None:
    """Who wrote a lock file; None where there is none or it names nobody."""
    try:
        return Owner(**read_json(lock))
    except (OSError, InvalidInput, TypeError):
        return None


def living_owner(folder: Path) -> Owner | None:
    """Who works in a participant's folder right now; looks without touching the lock."""
    lock = folder / LOCK_NAME
    owner = read_owner(lock)
    try:
        return owner if owner is not None and owner.is_alive(lock) else None
    except FileNotFoundError:
        return None  # released meanwhile


def _open_locked(path: Path) -> tuple[int, bool]:
    """Open file descriptor, and whether the kernel's lock on it is held."""
    while True:
        descriptor = open_itself(path, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise _locked(path) from None
        except OSError:
            return descriptor, False  # a file system without such locks: the record decides
        # Its last owner may have removed the file between our opening and locking it.
        if _is_at(path, descriptor):
            return descriptor, True
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether an open file still lies under its name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def taken_away(folder: Path) -> MissingResource:
    """What to raise where a folder of results is not there any more."""
    return MissingResource(
        "The output folder was removed or replaced during the run",
        file=folder,
        hint="leave it where it is until the run has ended, then run again",
    )


def _locked(lock: Path) -> Locked:
    owner = read_owner(lock)
    who = f"process {owner.pid} on {owner.host} since {owner.since}" if owner else "a process"
    return Locked(
        f"Another job works on {lock.parent.name} ({who})",
        hint="wait for it, or stop it and run again",
    )


def _beat(lock: Path, over: threading.Event) -> None:
    while not over.wait(HEARTBEAT_S):
        try:
            os.utime(lock, follow_symlinks=False)
        except OSError:
            continue  # a file server that is away for a moment is no reason to stop


def _silent_s(lock: Path) -> float:
    """Time since the owner touched its lock, by the file system's own clock where that can be told."""
    try:
        with tempfile.NamedTemporaryFile(dir=lock.parent, prefix=TMP_PREFIX) as probe:
            now_s = os.fstat(probe.fileno()).st_mtime
    except OSError:
        now_s = time.time()
    return now_s - lock.stat().st_mtime


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _pid_namespace() -> str:
    return str(Path("/proc/self/ns/pid").readlink())


def _started_ticks(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat; None for a process that is gone or waits to be buried."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])
