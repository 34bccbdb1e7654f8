"""What the process tells the scheduler that started it."""

from collections.abc import Iterable
from enum import IntEnum, StrEnum


class ExitCode(IntEnum):
    """Exit codes of ``spikefocus``.

    Attributes
    ----------
    meaning, advice : str
        What happened, and what a scheduler should do, as ``docs/exit_codes.md`` says it.
    """

    meaning: str
    advice: str

    def __new__(cls, code: int, meaning: str, advice: str):
        made = int.__new__(cls, code)
        made._value_ = code
        made.meaning, made.advice = meaning, advice
        return made

    DONE = (
        0,
        "Every participant done, also when warnings were raised or nothing could be imaged.",
        "nothing",
    )
    USAGE = (
        2,
        "The command line or the configuration file is wrong; nothing was processed.",
        "tell a person",
    )
    INVALID_DATASET = 3, "The folder is not a BIDS dataset; nothing was processed.", "tell a person"
    NOTHING_TO_PROCESS = 4, "No participant matches what was asked for.", "tell a person"
    SOME_FAILED = 5, "At least one participant failed and at least one is done.", "tell a person"
    ALL_FAILED = (
        6,
        "Every participant failed, and not all of them for the same one of the next reasons.",
        "tell a person",
    )
    MISSING_RESOURCE = 7, "Disk, a writable folder or a weights file was missing.", "tell a person"
    OUT_OF_MEMORY = 8, "The job had too little memory.", "queue again with more memory"
    NO_GPU = 9, "A GPU was asked for and there is none.", "queue again on another machine"
    LOCKED = 10, "Another job is working on the participant; this one touched nothing.", "nothing"
    INTERNAL_ERROR = 70, "A defect of spikefocus itself.", "report it"
    STOPPED = (
        75,
        "Stopped by SIGTERM or SIGUSR1 (75 is EX_TEMPFAIL).",
        "queue again: it goes on where it stopped",
    )
    INTERRUPTED = 130, "Stopped from the keyboard.", "nothing; the same command goes on"


class Outcome(StrEnum):
    """How one participant ended; stands in its status file.

    `NOTHING_IMAGED` is a result too: the report says what was examined, and why there is no image.
    """

    DONE = "done"
    NOTHING_IMAGED = "done, nothing imaged"
    INVALID_INPUT = "invalid input"
    MISSING_RESOURCE = "missing resource"
    OUT_OF_MEMORY = "out of memory"
    NO_GPU = "no GPU"
    LOCKED = "locked"
    INTERNAL_ERROR = "internal error"
    STOPPED = "stopped"


_CODE_OF_ALL = {
    Outcome.MISSING_RESOURCE: ExitCode.MISSING_RESOURCE,
    Outcome.OUT_OF_MEMORY: ExitCode.OUT_OF_MEMORY,
    Outcome.NO_GPU: ExitCode.NO_GPU,
    Outcome.LOCKED: ExitCode.LOCKED,
    Outcome.INTERNAL_ERROR: ExitCode.INTERNAL_ERROR,
}


def exit_code_of(outcomes: Iterable[Outcome]) -> ExitCode:
    """The process's exit code from those of its participants."""
    outcomes = [
        Outcome.DONE if outcome is Outcome.NOTHING_IMAGED else outcome for outcome in outcomes
    ]
    if Outcome.STOPPED in outcomes:
        return ExitCode.STOPPED
    failures = {outcome for outcome in outcomes if outcome is not Outcome.DONE}
    if not failures:
        return ExitCode.DONE if outcomes else ExitCode.NOTHING_TO_PROCESS
    if failures == {Outcome.LOCKED}:
        return ExitCode.LOCKED  # nothing failed, and not everything is done
    if Outcome.DONE in outcomes:
        return ExitCode.SOME_FAILED
    if len(failures) > 1:
        return ExitCode.ALL_FAILED
    return _CODE_OF_ALL.get(failures.pop(), ExitCode.ALL_FAILED)
