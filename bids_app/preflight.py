"""Say in seconds whether a run can succeed, before it is queued."""

import shutil
from collections.abc import Callable
from pathlib import Path

import torch

from bids_app.dataset import PatientFiles
from bids_app.exit_codes import ExitCode, Outcome, exit_code_of
from bids_app.runner import explain
from pipeline.errors import InvalidInput, MissingResource

# Measured on the virtual patients: derivatives and temporary files of one participant.
_DISK_MB_PER_PATIENT = 400


def check(
    bids_dir: Path,
    output_dir: Path,
    labels: list[str],
    find: Callable[[str], PatientFiles],
    configs: dict[str, object],
) -> ExitCode:
    """Print a line per check and return the exit code that the run would begin with."""
    existing = next(p for p in (output_dir, *output_dir.resolve().parents) if p.exists())
    free_mb = shutil.disk_usage(existing).free // 2**20
    needed_mb = _DISK_MB_PER_PATIENT * len(labels)
    _line("disk", free_mb > needed_mb, f"{free_mb} MB free, {needed_mb} MB needed")
    _line("device", True, f"{configs['personalize'].device}, {torch.get_num_threads()} threads")
    if free_mb <= needed_mb:
        raise MissingResource("Too little disk space", file=existing, hint=f"free {needed_mb} MB")
    outcomes = []
    for label in labels:
        try:
            files = find(label)
            if not any(files.events):
                raise InvalidInput(
                    "No events.tsv goes with the MEG", file=files.meg[0], hint="annotate the spikes"
                )
        except Exception as error:
            outcome, message, hint = explain(error)
            _line(f"sub-{label}", False, f"{message}; {hint}")
        else:
            outcome = Outcome.DONE
            landmarks = "landmarks file" if files.t1w_json else "no landmarks"
            _line(f"sub-{label}", True, f"T1w, {len(files.meg)} MEG run(s), events, {landmarks}")
        outcomes.append(outcome)
    return exit_code_of(outcomes)


def _line(what: str, good: bool, detail: str) -> None:
    print(f"{'ok  ' if good else 'FAIL'} {what}: {detail}")
