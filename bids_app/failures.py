"""From any error of a participant to its outcome, what is wrong, and the remedy."""

import errno
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from bids_app.exit_codes import Outcome
from bids_app.lock import Locked
from pipeline.errors import MissingGPU, MissingResource, OutOfMemory, SpikefocusError

# What the operating system answers when a resource, not the data, is at fault.
_RESOURCE_ERRNOS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EMFILE,
    errno.ENFILE,
    errno.EFBIG,
    errno.ELOOP,
    errno.EIO,
    errno.ESTALE,
}
_HINTS = {
    errno.ENOSPC: "free disk space, then run again",
    errno.EDQUOT: "free disk space or ask for a larger quota, then run again",
    errno.EFBIG: "write to a file system that holds larger files",
    errno.EMFILE: "raise the limit of open files (ulimit -n), then run again",
    errno.ELOOP: "remove the link, then run again",
    errno.EIO: "check the disk or the file server, then run again",
    errno.ESTALE: "check the file server, then run again",
    errno.ENFILE: "raise the limit of open files (ulimit -n), then run again",
}
_OWN_PACKAGES = ("bids_app", "pipeline", "reports")
# The libraries' words: torch's allocator on the CPU, ITK's.
_OUT_OF_MEMORY_WORDS = ("not enough memory", "can't allocate memory", "allocate memory for")
_OUTCOMES = {
    MissingGPU: Outcome.NO_GPU,
    OutOfMemory: Outcome.OUT_OF_MEMORY,
    MissingResource: Outcome.MISSING_RESOURCE,
    Locked: Outcome.LOCKED,
    SpikefocusError: Outcome.INVALID_INPUT,
}


def explain(error: BaseException) -> tuple[Outcome, str, str]:
    """Outcome, what is wrong, and the remedy, for any error of a participant.

    An error's own text is shown only where we wrote it: a library's may quote the data.
    """
    # A reader that meets the end of the memory or of the disk may call the file corrupt.
    chain = list(_chain(error))
    if any(_is_out_of_memory(cause) for cause in chain):
        hint = "give the job more memory (--preflight says how much), then run again"
        return Outcome.OUT_OF_MEMORY, "The memory of this job is used up", hint
    for cause in chain:
        if isinstance(cause, OSError) and cause.errno in _RESOURCE_ERRNOS:
            where = f" ({cause.filename})" if cause.filename else ""
            hint = _HINTS.get(cause.errno, "let this user read the input and write the output")
            return Outcome.MISSING_RESOURCE, f"{cause.strerror}{where}", hint
    if isinstance(error, SpikefocusError):
        where = f" ({error.file})" if error.file else ""
        outcome = next(name for kind, name in _OUTCOMES.items() if isinstance(error, kind))
        return outcome, f"{error.message}{where}", error.hint
    return (
        Outcome.INTERNAL_ERROR,
        f"{type(error).__name__} in {_place(error)}",
        "please report this with the log file; the other participants go on",
    )


def anonymous_traceback(error: BaseException) -> str:
    """Where the error came from, without its text, which may quote the data."""
    lines = []
    for cause in reversed(list(_chain(error))):
        lines += [*traceback.format_tb(cause.__traceback__), f"{type(cause).__name__}\n"]
    return "".join(lines)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _is_out_of_memory(error: BaseException) -> bool:
    # torch takes seconds to import; where nobody has, none of its errors can be.
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (torch and isinstance(error, torch.OutOfMemoryError)):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(
        words in str(error) for words in _OUT_OF_MEMORY_WORDS
    )


def _place(error: BaseException) -> str:
    """Our own file and line where it happened, or where we called the library in which it did."""
    root = Path(__file__).resolve().parents[1]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_relative_to(root) and file.relative_to(root).parts[0] in _OWN_PACKAGES:
            return f"{file.relative_to(root)}, line {frame.lineno}"
    return "an unknown place"
