"""Run the stages of one participant: skip what is unchanged, record what was done."""

import contextlib
import dataclasses
import logging
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

from bids_app.exit_codes import Outcome
from bids_app.failures import anonymous_traceback, explain
from bids_app.lock import participant_lock, taken_away
from bids_app.progress import ConsoleProgress
from bids_app.resources import StageMeter
from bids_app.stages import Task
from bids_app.status import Status, now
from pipeline.errors import InvalidInput, MissingResource
from pipeline.files import remove_leftovers, sha256
from pipeline.paths import PatientPaths
from pipeline.progress import Stopped
from pipeline.records.spikes_qc import imaged_types
from pipeline.records.status import StageRecord
from reports.dicom import earlier_objects as report_objects

_GO_ON = "run the same command again: it goes on"


def run_patient(
    tasks_of: Callable[[], list[Task]],
    paths: PatientPaths,
    wanted: tuple[str, ...],
    progress: ConsoleProgress,
    verbose: bool = False,
) -> Outcome:
    """Run `wanted` stages for one participant and write its status, alone in its folder.

    Parameters
    ----------
    tasks_of : callable
        Returns the participant's tasks; may raise, which counts as the participant's failure.

    Raises
    ------
    KeyboardInterrupt
        After the status was written.
    """
    try:
        if progress.log_file is not None and not progress.log_file.parent.is_dir():
            raise taken_away(paths.output_dir)  # its log folder is there from the start
        with participant_lock(paths.folder) as check_place:
            status = Status.load(paths, check_place)
            return _run_alone(tasks_of, status, wanted, progress, verbose)
    except Exception as error:
        # The folder is another job's, or none of ours: this one says it on the console alone.
        outcome, message, hint = explain(error)
        progress.console_only(f"{message}; {hint}", "error")
        return outcome


def _run_alone(tasks_of, status: Status, wanted, progress, verbose: bool) -> Outcome:
    stage = progress.stage = ""
    progress.when_abandoned(lambda: record_stop(status, progress))
    try:
        remove_leftovers(status.paths.folder)
        status.state, status.since = "running", now()
        status.save()
        for task in tasks_of():
            if task.stage not in wanted:
                continue
            if progress.stop_requested():
                raise Stopped
            stage = progress.stage = task.stage
            _run_stage(task, status, progress)
        outcome = Outcome.NOTHING_IMAGED if _nothing_imaged(status.paths) else Outcome.DONE
    except (Stopped, KeyboardInterrupt) as error:
        record_stop(status, progress)
        if isinstance(error, KeyboardInterrupt):
            raise
        return Outcome.STOPPED
    except Exception as error:
        outcome, message, hint = explain(_root_cause(status, error))
        status.state, status.outcome, status.failed_stage = "failed", outcome, stage or "inputs"
        status.message, status.hint = message, hint
        with contextlib.suppress(OSError):
            remove_report(status, progress)
        progress.error(f"{message}; {hint}")
        if verbose:
            progress.log_traceback("".join(traceback.format_exception(error)))
        elif outcome is Outcome.INTERNAL_ERROR:
            progress.log_traceback(anonymous_traceback(error))
        _save_if_possible(status, progress)
        return outcome
    status.state, status.outcome, status.running_stage = "done", outcome, None
    status.warnings = list(progress.warnings)
    status.save()
    return outcome


def _nothing_imaged(paths: PatientPaths) -> bool:
    """Whether the spikes stage found nothing that could be imaged."""
    return paths.qc("spikes").exists() and not imaged_types(paths)


def _root_cause(status: Status, error: Exception) -> Exception:
    """A folder that was taken away explains whatever came of it."""
    try:
        status.check_place()
    except MissingResource as taken_away:
        return taken_away
    return error


def record_stop(status: Status, progress: ConsoleProgress) -> None:
    """Note that the run was stopped, not broken."""
    status.state, status.outcome = "stopped", Outcome.STOPPED
    status.message = f"Stopped on request in stage {progress.stage or 'inputs'}"
    status.hint = _GO_ON
    progress.info(f"stopped on request; {_GO_ON}")
    _save_if_possible(status, progress)


def _run_stage(task: Task, status: Status, progress: ConsoleProgress) -> None:
    paths, stage = status.paths, task.stage
    hashes = task.input_hashes(paths)
    key = task.key(hashes)
    record = status.stages.get(stage)
    if record is not None and record.key == key:
        changed = _changed(record, task.module.writes(paths))
        if changed is None:
            progress.info("unchanged, skipped")
            progress.warnings += record.warnings
            return
        progress.info(f"runs again: {changed} is not what it wrote")
    _check_results_of_others(status, stage, hashes)
    remove_report(status, progress)
    status.stages.pop(stage, None)
    status.running_stage = stage
    status.save()
    n_warnings = len(progress.warnings)
    with StageMeter() as meter, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("mne").setLevel(logging.ERROR)
        task.module.run(task.inputs, paths, task.config, progress)
    missing = [path.name for path in task.module.writes(paths) if not path.exists()]
    if missing:
        raise RuntimeError(f"stage {stage} ended without writing {', '.join(missing)}")
    status.stages[stage] = StageRecord(
        state="done",
        key=key,
        **meter.record(),
        warnings=tuple(progress.warnings[n_warnings:]),
        inputs=hashes,
        outputs={path.name: sha256(path) for path in task.module.writes(paths)},
        options=dataclasses.asdict(task.config),
    )
    status.save()
    progress.info(f"done in {meter.seconds:.0f} s ({meter.cpu_seconds:.0f} s of the processor)")


def remove_report(status: Status, progress: ConsoleProgress) -> None:
    """Delete the report of an earlier run: it must not stand beside results that it is not about.

    Done before a stage changes anything, so that a run which is killed leaves none either.
    """
    paths = status.paths
    written = [paths.report_pdf, paths.report_html, paths.markups, *report_objects(paths)]
    written.append(paths.qc("report"))
    there = [file for file in written if file.exists()]
    for file in there:
        file.unlink()
    if there:
        status.stages.pop("report", None)
        progress.info("the earlier report is removed: it is not about this run's results")


def _changed(record: StageRecord, outputs: list[Path]) -> str | None:
    """The first file of a stage that is missing or not as the stage wrote it."""
    for path in outputs:
        if not path.exists() or record.outputs.get(path.name) != sha256(path):
            return path.name
    return None


def _check_results_of_others(status: Status, stage: str, hashes: dict[str, str]) -> None:
    """Refuse results of earlier stages that were damaged or edited since."""
    for other, record in status.stages.items():
        for name, digest in record.outputs.items():
            if other != stage and hashes.get(name, digest) != digest:
                raise InvalidInput(
                    f"The file is not what stage {other} wrote",
                    file=name,
                    hint=f"run stage {other} too (leave --stage out): it writes the file again",
                )


def _save_if_possible(status: Status, progress: ConsoleProgress) -> None:
    status.running_stage = None
    status.warnings = list(progress.warnings)
    with contextlib.suppress(OSError, MissingResource):
        status.save()
        return
    progress.error("the status file could not be written")
