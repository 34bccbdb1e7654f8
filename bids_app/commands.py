"""What each command does, from parsed arguments to the exit code."""

import argparse
import dataclasses
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from bids_app import preflight, validator
from bids_app.config import ConfigError, stage_configs
from bids_app.dataset import (
    InvalidDataset,
    PatientFiles,
    check_dataset,
    participant_labels,
)
from bids_app.derivatives import check_output, open_output
from bids_app.exit_codes import ExitCode, Outcome, exit_code_of
from bids_app.failures import explain
from bids_app.interruption import StopSignals
from bids_app.preflight.needs import LIGHT_STAGES
from bids_app.preflight.participant import lack_of_memory
from bids_app.progress import ConsoleProgress
from bids_app.runner import run_patient
from bids_app.selection import (
    NothingToProcess,
    finder,
    plain_labels,
    unusable_sentences,
    wanted_labels,
)
from bids_app.stages import tasks_for
from pipeline.errors import MissingGPU, MissingResource, SpikefocusError
from pipeline.files import read_json, to_json
from pipeline.paths import PatientPaths
from pipeline.progress import Stopped
from pipeline.text import plain
from pipeline.weights import load_model, resolve_device


def run(args: argparse.Namespace) -> ExitCode:
    """Run the command that `args` names; errors become exit codes and one sentence each."""
    try:
        return _COMMANDS[args.command](args)
    except Stopped as stopped:
        return _fail(ExitCode.STOPPED, f"stopped on request: {stopped}", "run the same again")
    except ConfigError as error:
        return _fail(ExitCode.USAGE, str(error))
    except InvalidDataset as error:
        return _fail(ExitCode.INVALID_DATASET, str(error))
    except NothingToProcess as error:
        return _fail(ExitCode.NOTHING_TO_PROCESS, str(error))
    except MissingGPU as error:
        return _fail(ExitCode.NO_GPU, str(error))
    except MissingResource as error:
        return _fail(ExitCode.MISSING_RESOURCE, str(error))
    except SpikefocusError as error:
        return _fail(ExitCode.USAGE, str(error))
    except Exception as error:
        if getattr(args, "verbose", False):
            traceback.print_exception(error)
        outcome, message, hint = explain(error)
        return _fail(exit_code_of([outcome]), message, hint)


def participant(args: argparse.Namespace) -> ExitCode:
    """Process every participant asked for; one that fails never stops the others."""
    check_dataset(args.bids_dir)
    configs = stage_configs(args.config, _overrides(args))
    stages = ("report",) if args.reports_only else tuple(args.stage)
    if not args.preflight:
        configs["personalize"] = _on_this_machine(configs["personalize"], stages)
    labels = wanted_labels(args.bids_dir, args.participant_label)
    find = finder(args, labels, configs["spikes"].spike_name)
    unusable = unusable_sentences(args.bids_dir)
    check_output(args.output_dir, args.bids_dir)
    if args.dicom_template:
        _check_dicom_template(args.dicom_template, labels, find)
    if args.preflight:
        return preflight.check(
            args.output_dir, args.work_dir, labels, unusable, find, configs, as_json=args.json
        )
    for sentence in unusable:
        print(f"spikefocus: {sentence}", file=sys.stderr)
    if args.dry_run:
        return _dry_run(labels, find, stages)
    open_output(args.output_dir, args.bids_dir)
    if unusable:  # names of stray files may be names of people: not in a log
        ConsoleProgress("dataset", args.output_dir / "logs" / "dataset.log").log_only(
            f"{len(unusable)} entries look like participants and are passed over; --preflight "
            "names them"
        )
    if not args.skip_bids_validation:
        validator.report(args.bids_dir, args.output_dir / "logs" / "bids_validation.json")
    outcomes = {}
    with StopSignals(ExitCode.STOPPED) as stop:
        for label in labels:
            paths = PatientPaths(args.output_dir, label)
            log_file = args.output_dir / "logs" / f"{paths.sub}.log"
            progress = ConsoleProgress(paths.sub, log_file, log_format=args.log_format, stop=stop)

            def tasks(label: str = label, progress: ConsoleProgress = progress):
                files = find(label)
                for note in files.notes:
                    progress.warn(note)
                heavy = not LIGHT_STAGES.issuperset(stages)
                if heavy and (lack := lack_of_memory(files, configs["spikes"].sfreq_hz)):
                    progress.info(lack)  # of this machine: no warning to the report's reader
                return tasks_for(files, configs, args.dicom_template)

            outcome = run_patient(tasks, paths, stages, progress, args.verbose)
            outcomes[label] = outcome
            crashed = outcome not in (Outcome.DONE, Outcome.NOTHING_IMAGED, Outcome.LOCKED)
            if outcome is Outcome.STOPPED or (args.stop_on_first_crash and crashed):
                break
    _print_outcomes(args.output_dir, outcomes)
    return exit_code_of(outcomes.values())


def plan(args: argparse.Namespace) -> ExitCode:
    """Write what an engine needs to run every participant asked for as a task of its own."""
    from bids_app.parsers import bids_app_parser
    from bids_app.plan.make import make_plan, write_plan

    check_dataset(args.bids_dir)
    configs = stage_configs(args.config, _overrides(args))
    labels = wanted_labels(args.bids_dir, args.participant_label)
    find = finder(args, labels, configs["spikes"].spike_name)
    if args.dicom_template:
        _check_dicom_template(args.dicom_template, labels, find)
    out = args.out or Path(f"spikefocus-{args.engine}")
    progress = ConsoleProgress("plan")
    # The rest is what a run takes for granted.
    defaults = bids_app_parser().parse_args(["BIDS_DIR", "OUTPUT_DIR", "participant"])
    made = make_plan(args, defaults, labels, find, configs["spikes"].sfreq_hz, progress.warn)
    write_plan(made, args.engine, out)
    if not args.skip_bids_validation:
        validator.report(args.bids_dir, out / "bids_validation.json")
    n, steps = len(made.participants), ", ".join(step.name for step in made.steps)
    print(f"{n} participants, steps {steps}: {out}")
    return ExitCode.DONE


def installation(args: argparse.Namespace) -> ExitCode:
    """Check the installation; the image's health check."""
    return preflight.check_installation(
        stage_configs(None, {"personalize": {"device": args.device}}), as_json=args.json
    )


def group(args: argparse.Namespace) -> ExitCode:
    """Write the cohort's tables, statistics and report from the participants' metrics."""
    from bids_app.group import write_group

    check_dataset(args.bids_dir)
    config = stage_configs(args.config, {})["report"]
    labels = plain_labels("--participant-label", "sub-", args.participant_label)
    written = write_group(args.bids_dir, args.output_dir, labels, config)
    if not written:
        return _fail(
            ExitCode.NOTHING_TO_PROCESS,
            f"no participant's metrics are below {args.output_dir}",
            "run the participant level first",
        )
    for path in written:
        print(plain(f"group: {path}"))
    return ExitCode.DONE


def train_generic(args: argparse.Namespace) -> ExitCode:
    """Train a generic model; checkpoints in OUT_DIR let it resume."""
    from pipeline.training.generic import TrainConfig
    from pipeline.training.generic import train_generic as train

    names = ("network", "input", "steps", "learning_rate", "seed")
    given = {name: getattr(args, name) for name in names} | {
        "arrays": tuple(args.arrays or ()) or None,
        "start": args.start and str(args.start),
        "device": resolve_device(args.device),
    }
    try:
        config = TrainConfig(**{name: value for name, value in given.items() if value is not None})
    except ValueError as error:
        raise ConfigError(f"train-generic: {error}", hint="correct the value") from error
    args.out_dir.mkdir(parents=True, exist_ok=True)
    with StopSignals(ExitCode.STOPPED) as stop:
        progress = ConsoleProgress("train-generic", args.out_dir / "train.log", stop=stop)
        train(args.out_dir, config, progress)
    return ExitCode.DONE


def train(args: argparse.Namespace) -> ExitCode:
    """Train a published system for a participant's head; checkpoints beside its weights let it resume."""
    from pipeline.methods._system import train_for

    folder = args.head.resolve()
    if not folder.is_dir() or not folder.name.startswith("sub-"):
        raise ConfigError(
            "This is no participant's output folder",
            file=args.head,
            hint="name OUTPUT_DIR/sub-X of a run with --head",
        )
    paths = PatientPaths(folder.parent, folder.name.removeprefix("sub-"))
    with StopSignals(ExitCode.STOPPED) as stop:
        log_file = paths.output_dir / "logs" / f"{paths.sub}.log"
        log_file.parent.mkdir(exist_ok=True)
        progress = ConsoleProgress(paths.sub, log_file, stop=stop)
        card = train_for(paths, args.name, args.size, args.seed, args.minutes, progress)
    print(plain(f"{paths.system(args.name, args.size)}: {card['steps']} steps"))
    if card["steps"] < card["steps_planned"]:
        print(f"{card['steps_planned']} steps were planned; run the same again to go on")
    return ExitCode.DONE


def import_marks(args: argparse.Namespace) -> ExitCode:
    """Bring marks of other programs into a derivatives dataset."""
    from bids_app import import_marks as importing
    from pipeline.mark_files._format import Reading

    check_dataset(args.bids_dir)
    columns = importing.columns_of(args.columns)
    reading = Reading(args.count_from, columns, args.unit, args.channel)
    names = tuple(args.spike) if args.spike else stage_configs(None, {})["spikes"].spike_name
    table, n_spikes, notes = importing.import_marks(
        args.bids_dir,
        args.marks_dir,
        args.recording,
        args.mark_files,
        names,
        reading,
        args.format,
        args.drop_outside,
    )
    for note in notes:
        print(plain(f"spikefocus: {note}"), file=sys.stderr)
    print(plain(f"{n_spikes} spikes: {table}"))
    return ExitCode.DONE


def demo(args: argparse.Namespace) -> ExitCode:
    """Create virtual patients and, with ``--run``, process them and compare with the truth."""
    from bids_app.demo.create import create_virtual_patients
    from bids_app.demo.scenarios import SCENARIOS
    from bids_app.demo.verdict import print_verdict
    from bids_app.parsers import bids_app_parser

    args.out_dir.mkdir(parents=True, exist_ok=True)
    progress = ConsoleProgress("demo")
    if args.run and _demo_is_there(args):
        progress.info("the virtual patients are there already and are kept")
    else:
        scenario = SCENARIOS[args.scenario]
        create_virtual_patients(
            args.out_dir, args.patients, args.seed, args.array, progress, scenario=scenario
        )
    bids_dir, output_dir = args.out_dir / "bids", args.out_dir / "output"
    if not args.run:
        print(f"virtual patients: {bids_dir} (their truth: {args.out_dir / 'truth'})")
        return ExitCode.DONE
    argv = [str(bids_dir), str(output_dir), "participant"]
    argv += ["--config", str(args.config)] if args.config else []
    code = participant(bids_app_parser().parse_args(argv))
    for label in participant_labels(bids_dir):
        paths = PatientPaths(output_dir, label)
        if paths.report_pdf.exists():
            print_verdict(paths, args.out_dir / "truth")
    return code


def _demo_is_there(args: argparse.Namespace) -> bool:
    """Whether OUT_DIR holds just the virtual patients asked for, whole."""
    from bids_app.demo.create import cohort_recipe
    from bids_app.demo.scenarios import SCENARIOS

    if not (args.out_dir / "bids" / "participants.tsv").exists():
        return False
    truths = [read_json(p) for p in sorted((args.out_dir / "truth").glob("sub-*_truth.json"))]
    scenario = SCENARIOS[args.scenario]
    recipes = [
        cohort_recipe(args.seed, index, args.array, scenario) for index in range(args.patients)
    ]
    # As JSON keeps them, which knows no tuples.
    asked = [[args.seed, json.loads(to_json(dataclasses.asdict(recipe)))] for recipe in recipes]
    return [[truth["seed"], truth["recipe"]] for truth in truths] == asked


_COMMANDS = {
    "participant": participant,
    "group": group,
    "installation": installation,
    "train-generic": train_generic,
    "train": train,
    "import-marks": import_marks,
    "demo": demo,
    "plan": plan,
}


def _overrides(args: argparse.Namespace) -> dict[str, dict]:
    return {
        "headmodel": {"keep_face": args.keep_face or None},
        "spikes": {
            "spike_name": tuple(args.spike_name) if args.spike_name else None,
            "detect_spikes": args.detect_spikes or None,
        },
        "personalize": {
            "network": None if args.network == "auto" else args.network,
            "generic_model": str(args.generic_model) if args.generic_model else None,
            "device": args.device,
        },
        "image": {"methods": tuple(args.methods) if args.methods else None},
    }


def _on_this_machine(config, stages: tuple[str, ...]):
    """The personalize stage's options with the device that will be used, which decides last digits.

    Raises
    ------
    MissingResource
        The generic model or the GPU asked for is not there.
    InvalidInput
        The generic model is none, or one of another network.
    """
    if {"personalize", "image"}.intersection(stages):
        load_model(config.generic_model, config.network)
    return dataclasses.replace(config, device=resolve_device(config.device))


def _check_dicom_template(
    template: Path, labels: list[str], find: Callable[[str], PatientFiles]
) -> None:
    """Refuse before the first stage what the report stage would refuse in the end."""
    from reports.dicom import read_template

    if not template.exists():
        raise ConfigError(
            "The DICOM images do not exist", file=template, hint="check --dicom-template"
        )
    if len(labels) > 1:
        raise ConfigError(
            f"--dicom-template names the images of one patient, and {len(labels)} participants "
            "are to be processed",
            hint="give one --participant-label",
        )
    try:
        t1w = find(labels[0]).t1w
    except SpikefocusError:
        return  # the participant's own failure, which its status file will tell
    read_template(template, t1w)


def _dry_run(
    labels: list[str], find: Callable[[str], PatientFiles], stages: tuple[str, ...]
) -> ExitCode:
    outcomes = []
    for label in labels:
        try:
            files = find(label)
        except Exception as error:
            outcome, message, hint = explain(error)
            print(plain(f"sub-{label}: would fail: {message}; {hint}"))
            outcomes.append(outcome)
            continue
        outcomes.append(Outcome.DONE)
        head = f"FreeSurfer ({files.freesurfer_dir.name})" if files.freesurfer_dir else "template"
        print(f"sub-{label}: would run {', '.join(stages)}")
        print(
            plain(
                f"  T1w {files.t1w.name}; head model: {head}; "
                f"MEG {', '.join(p.name for p in files.meg)}"
            )
        )
        print(
            plain(
                f"  empty room: {files.empty_room.name if files.empty_room else 'none'}; "
                f"iEEG contacts: {len(files.ieeg.electrodes)} file(s); "
                f"resection mask: {files.resection_mask.name if files.resection_mask else 'none'}; "
                f"post-operative T1w: {files.postop_t1w.name if files.postop_t1w else 'none'}"
            )
        )
    return exit_code_of(outcomes)


def _print_outcomes(output_dir: Path, outcomes: dict[str, Outcome]) -> None:
    for label, outcome in outcomes.items():
        report = PatientPaths(output_dir, label).report_pdf
        done = outcome in (Outcome.DONE, Outcome.NOTHING_IMAGED)
        where = f": {report}" if done and report.exists() else ""
        print(plain(f"sub-{label}: {outcome}{where}"))


def _fail(code: ExitCode, message: str, hint: str = "") -> ExitCode:
    """Say what is wrong in one sentence on standard error."""
    print(f"spikefocus: {plain(message)}{f'; {plain(hint)}' if hint else ''}", file=sys.stderr)
    return code
