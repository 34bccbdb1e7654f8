"""How a stage tells what it is doing, and learns that it is to stop; the command line decides how."""

from collections.abc import Iterator
from contextlib import contextmanager


class Stopped(BaseException):
    """The run was asked to stop, and what it has done so far is on disk.

    Like KeyboardInterrupt no `Exception`: no method may take it for its own failure.
    """


class Step:
    """One long step of a stage."""

    def advance(self, n: float = 1) -> None:
        """Say that `n` of the step's `total` units are done."""


class Progress:
    """Says nothing: the base for the command line's bars and log lines, and for tests."""

    @contextmanager
    def step(self, description: str, total: float | None = None) -> Iterator[Step]:
        """Announce a step; `total` is None where its length is unknown."""
        yield Step()

    def info(self, message: str) -> None:
        """Say one thing worth a log line."""

    def warn(self, message: str) -> None:
        """Say what the reader of the report must know too (stages also write it to their QC file)."""

    def stop_requested(self) -> bool:
        """Whether a long step should write its checkpoint and raise `Stopped`."""
        return False
