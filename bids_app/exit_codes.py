"""What the process tells the scheduler that started it."""

from collections.abc import Iterable
from enum import IntEnum, StrEnum


class ExitCode(IntEnum):
    """Exit codes of ``spikefocus``; the README documents them."""

    DONE = 0
    """Every participant done, also when warnings were raised."""
    USAGE = 2
    """The command line or the configuration file is wrong; nothing was processed."""
    INVALID_DATASET = 3
    """The folder is not a BIDS dataset; nothing was processed."""
    NOTHING_TO_PROCESS = 4
    """No participant matches what was asked for."""
    SOME_FAILED = 5
    """At least one participant failed and at least one is done."""
    ALL_FAILED = 6
    """Every participant failed, and not all for want of a resource."""
    MISSING_RESOURCE = 7
    """Disk, memory, a writable folder, a GPU or a weights file was missing."""
    INTERNAL_ERROR = 70
    """A defect of spikefocus itself."""


class Outcome(StrEnum):
    """How one participant ended; stands in its status file."""

    DONE = "done"
    INVALID_INPUT = "invalid input"
    MISSING_RESOURCE = "missing resource"
    INTERNAL_ERROR = "internal error"


def exit_code_of(outcomes: Iterable[Outcome]) -> ExitCode:
    """The process's exit code from those of its participants."""
    outcomes = list(outcomes)
    failures = {outcome for outcome in outcomes if outcome is not Outcome.DONE}
    if not failures:
        return ExitCode.DONE if outcomes else ExitCode.NOTHING_TO_PROCESS
    if Outcome.DONE in outcomes:
        return ExitCode.SOME_FAILED
    if failures == {Outcome.MISSING_RESOURCE}:
        return ExitCode.MISSING_RESOURCE
    if failures == {Outcome.INTERNAL_ERROR}:
        return ExitCode.INTERNAL_ERROR
    return ExitCode.ALL_FAILED
