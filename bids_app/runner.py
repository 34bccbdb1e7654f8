"""Run the stages of one participant: skip what is unchanged, record what was done."""

import dataclasses
import errno
import logging
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

from bids_app.exit_codes import Outcome
from bids_app.progress import ConsoleProgress
from bids_app.stages import Task
from bids_app.status import Status
from pipeline.errors import MissingResource, SpikefocusError
from pipeline.files import remove_leftovers

# What the operating system answers when a resource, not the data, is at fault.
_RESOURCE_ERRNOS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.ENOMEM,
    errno.EMFILE,
}


def run_patient(
    tasks_of: Callable[[], list[Task]],
    status: Status,
    wanted: tuple[str, ...],
    progress: ConsoleProgress,
    verbose: bool = False,
) -> Outcome:
    """Run `wanted` stages for one participant and write its status.

    Parameters
    ----------
    tasks_of : callable
        Returns the participant's tasks; may raise, which counts as the participant's failure.
    """
    paths = status.paths
    progress.stage = ""
    stage = "inputs"
    try:
        remove_leftovers(paths.folder)
        status.state = "running"
        status.save()
        for task in tasks_of():
            stage = task.stage
            if stage not in wanted:
                continue
            progress.stage = stage
            _run_stage(task, status, progress)
    except Exception as error:
        outcome, message, hint = explain(error)
        status.state, status.outcome, status.failed_stage = "failed", outcome, stage
        status.message, status.hint = message, hint
        status.warnings = list(progress.warnings)
        progress.stage = stage
        progress.error(f"{message}; {hint}")
        if verbose or outcome is Outcome.INTERNAL_ERROR:
            progress.log_only(traceback.format_exc())
        _save_if_possible(status, progress)
        return outcome
    status.state, status.outcome = "done", Outcome.DONE
    status.failed_stage = status.message = status.hint = None
    status.warnings = list(progress.warnings)
    status.save()
    return Outcome.DONE


def _run_stage(task: Task, status: Status, progress: ConsoleProgress) -> None:
    paths, stage = status.paths, task.stage
    hashes = task.input_hashes(paths)
    key = task.key(hashes)
    outputs = task.module.writes(paths)
    record = status.stages.get(stage, {})
    if record.get("key") == key and all(path.exists() for path in outputs):
        progress.info("unchanged, skipped")
        progress.warnings += record.get("warnings", [])
        return
    status.stages.pop(stage, None)
    started, n_warnings = time.monotonic(), len(progress.warnings)
    _reset_peak_memory()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("mne").setLevel(logging.ERROR)
        task.module.run(task.inputs, paths, task.config, progress)
    missing = [path.name for path in task.module.writes(paths) if not path.exists()]
    if missing:
        raise RuntimeError(f"stage {stage} ended without writing {', '.join(missing)}")
    status.stages[stage] = {
        "state": "done",
        "key": key,
        "seconds": round(time.monotonic() - started, 1),
        "peak_memory_mb": _peak_memory_mb(),
        "warnings": progress.warnings[n_warnings:],
        "inputs": hashes,
        "options": dataclasses.asdict(task.config),
    }
    status.save()
    progress.info(f"done in {status.stages[stage]['seconds']:.0f} s")


def explain(error: BaseException) -> tuple[Outcome, str, str]:
    """Outcome, what is wrong, and the remedy, for any error of a participant."""
    if isinstance(error, SpikefocusError):
        missing = isinstance(error, MissingResource)
        where = f" ({error.file})" if error.file else ""
        outcome = Outcome.MISSING_RESOURCE if missing else Outcome.INVALID_INPUT
        return outcome, f"{error.message}{where}", error.hint
    if isinstance(error, MemoryError):
        return Outcome.MISSING_RESOURCE, "Out of memory", "give the job more memory"
    if isinstance(error, OSError) and error.errno in _RESOURCE_ERRNOS:
        where = f" ({error.filename})" if error.filename else ""
        return (
            Outcome.MISSING_RESOURCE,
            f"{error.strerror}{where}",
            "free disk space or choose a writable output folder, then run again",
        )
    return (
        Outcome.INTERNAL_ERROR,
        f"{type(error).__name__}: {error}".splitlines()[0],
        "please report this with the log file; the other participants go on",
    )


def _save_if_possible(status: Status, progress: ConsoleProgress) -> None:
    try:
        status.save()
    except OSError as error:
        progress.error(f"the status file could not be written ({error.strerror})")


def _reset_peak_memory() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass  # not permitted in every container: the peak then is that of the whole process


def _peak_memory_mb() -> int | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    peak = next((line for line in lines if line.startswith("VmHWM")), None)
    return int(peak.split()[1]) // 1024 if peak else None
