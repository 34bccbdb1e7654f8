"""Work out a cohort's tasks, and write them as an engine reads them."""

import argparse
import logging
import re
import shlex
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from bids_app.config import ConfigError
from bids_app.dataset import PatientFiles
from bids_app.failures import explain
from bids_app.plan.engines import ENGINES
from bids_app.plan.needs import DEFAULT_CORES, needs_of, steps_of
from bids_app.plan.records import Participant, Plan
from bids_app.preflight.participant import predicted_memory_mb
from pipeline.errors import InvalidInput, MissingResource
from pipeline.files import read_json, write_text
from pipeline.paths import PatientPaths

_EXECUTABLE_SUFFIX = ".sh"
# What the plan itself sets, task by task.
_OWN = {
    *("command", "bids_dir", "output_dir", "analysis_level", "engine", "out", "program", "image"),
    *("participant_label", "stage", "reports_only", "device", "nprocs", "skip_bids_validation"),
}


def make_plan(
    args: argparse.Namespace,
    defaults: argparse.Namespace,
    labels: list[str],
    find: Callable[[str], PatientFiles],
    kept_sfreq_hz: float,
    say: Callable[[str], None],
) -> Plan:
    """Work out the tasks from the dataset's headers and from what earlier runs recorded.

    Parameters
    ----------
    args : argparse.Namespace
        Of ``spikefocus plan``.
    defaults : argparse.Namespace
        What ``spikefocus … participant`` takes for options that are not given.
    labels : list of str
        At least one.
    find : callable
        From a label to the participant's files.
    kept_sfreq_hz : float
        Sampling rate that the spikes stage goes on with.
    say : callable
        Is told about participants whose files cannot be read.

    Raises
    ------
    ConfigError
        An option names a file that the tasks would not see.
    """
    steps = steps_of(["report"] if args.reports_only else args.stage)
    sessions: dict[str, tuple[str, ...]] = {}
    predicted: dict[str, int | None] = {}
    logging.getLogger("mne").setLevel(logging.ERROR)
    for label in labels:
        sessions[label], predicted[label] = (), None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                files = find(label)
                sessions[label] = sessions_of(files)
                predicted[label] = predicted_memory_mb(files, kept_sfreq_hz)
        except Exception as error:
            _, message, _ = explain(error)
            say(f"sub-{label} is planned with the largest needs of the others: {message}")
    cores = args.nprocs or DEFAULT_CORES
    needs = needs_of(steps, predicted, dict(_statuses(args.output_dir, labels)), cores)
    mounts = ENGINES[args.engine].mounts
    bids_dir, output_dir = mounts or (args.bids_dir.resolve(), args.output_dir.resolve())
    place = _below(args, mounts) if mounts else Path.resolve
    return Plan(
        steps=steps,
        participants=tuple(Participant(label, sessions[label], needs[label]) for label in labels),
        program=_words(args.program),
        bids_dir=str(bids_dir),
        output_dir=str(output_dir),
        options=tuple(run_options(args, defaults, place)),
        cores=cores,
        gpu=args.device == "cuda",
        image=args.image,
    )


def write_plan(plan: Plan, engine: str, out: Path) -> list[Path]:
    """Write the engine's files into a new folder.

    Raises
    ------
    MissingResource
        The folder cannot be written.
    ConfigError
        It holds something: running jobs may still read an older plan.
    """
    try:
        if out.is_dir() and any(out.iterdir()):
            raise ConfigError(
                "The plan's folder is not empty",
                file=out,
                hint="remove it once its jobs have ended, or choose another --out",
            )
        written = []
        for name, text in files_of(plan, engine).items():
            write_text(out / name, text)
            if name.endswith(_EXECUTABLE_SUFFIX):
                (out / name).chmod(0o750)
            written.append(out / name)
    except OSError as error:
        raise MissingResource(
            f"The plan's folder cannot be written: {error.strerror}",
            file=out,
            hint="choose another --out or change its permissions",
        ) from error
    return written


def files_of(plan: Plan, engine: str) -> dict[str, str]:
    """Text of every file of the plan by its path in the plan's folder."""
    return {**ENGINES[engine].files(plan), "plan.json": plan.to_json()}


def run_options(
    args: argparse.Namespace, defaults: argparse.Namespace, place: Callable[[Path], Path]
) -> Iterator[str]:
    """Words of the options that differ from the defaults; `place` says where a task finds a file."""
    for name, value in vars(args).items():
        if name in _OWN or value == getattr(defaults, name):
            continue
        yield "--" + name.replace("_", "-")
        if name == "derivatives":
            for given in value:
                derivative, _, path = given.rpartition("=")
                yield f"{derivative or Path(path).name}={place(Path(path))}"
        elif name == "fs_subjects_dir" and value != "none":
            yield str(place(Path(value)))
        elif value is not True:
            values = value if isinstance(value, list) else [value]
            yield from (str(place(v) if isinstance(v, Path) else v) for v in values)


def sessions_of(files: PatientFiles) -> tuple[str, ...]:
    """Session labels of the recordings, sorted."""
    found = (re.search(r"_ses-([0-9A-Za-z+]+)_", path.name) for path in files.meg)
    return tuple(sorted({match[1] for match in found if match}))


def _statuses(output_dir: Path, labels: list[str]) -> Iterator[tuple[str, dict]]:
    for label in labels:
        try:
            status = read_json(PatientPaths(output_dir, label).status)
        except (OSError, InvalidInput):
            continue  # nothing is known
        if isinstance(status.get("stages"), dict):
            yield label, status


def _words(program: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(program))
    except ValueError as error:
        raise ConfigError(
            f"--program cannot be split into words ({error})", hint="close the quotation mark"
        ) from error
    if not words:
        raise ConfigError("--program is empty", hint="leave it out or name the program")
    return words


def _below(
    args: argparse.Namespace, mounts: tuple[PurePosixPath, PurePosixPath]
) -> Callable[[Path], Path]:
    """Where a task sees a file: below one of the two folders that are mounted for it."""
    roots = dict(zip((args.bids_dir.resolve(), args.output_dir.resolve()), mounts, strict=True))

    def place(path: Path) -> Path:
        for root, mount in roots.items():
            if path.resolve().is_relative_to(root):
                return Path(mount / path.resolve().relative_to(root))
        raise ConfigError(
            "A pod sees the dataset and the output folder only",
            file=path,
            hint="copy the file into one of them, or leave the option out",
        )

    return place
