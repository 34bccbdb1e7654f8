"""What the command line takes: the BIDS-App's options and those of its companions, which `COMMANDS` names."""

import argparse
from pathlib import Path
from typing import Any

from bids_app.demo.recipe import ARRAYS
from bids_app.demo.scenarios import SCENARIOS
from bids_app.plan.engines import ENGINES
from pipeline import DEVICES, STAGES, __version__
from pipeline.mark_files import MARK_FORMATS
from pipeline.methods import METHODS
from pipeline.networks import NETWORKS
from pipeline.options import LARGEST_SEED
from pipeline.registry import names_in
from pipeline.systems import SIZES, SYSTEMS

# Of each participant what there is: MEG, or EEG where there is none.
AUTO = "auto"
# Given twice it counts twice.
_SEVERAL: dict[str, Any] = {"nargs": "+", "action": "extend"}
COMMANDS = ("demo", "train-generic", "train", "import-marks", "plan", "status", "options")


def bids_app_parser() -> argparse.ArgumentParser:
    """Parser of ``spikefocus BIDS_DIR OUTPUT_DIR {participant,group}``."""
    parser = argparse.ArgumentParser(
        prog="spikefocus",
        description="Image the sources of interictal MEG spikes with a deep network personalized "
        "to the patient's head, and report them as PDF. Research use only.",
        epilog=f"Other commands: {', '.join(f'spikefocus {name}' for name in COMMANDS)} "
        "(each with --help).",
    )
    parser.add_argument("bids_dir", type=Path, help="root of the BIDS dataset")
    parser.add_argument("output_dir", type=Path, help="where the derivatives go")
    parser.add_argument("analysis_level", choices=("participant", "group"))
    parser.add_argument("--version", action="version", version=f"spikefocus {__version__}")
    _add_run_options(parser)

    instead = parser.add_argument_group("instead of a run")
    instead.add_argument(
        "--dry-run", action="store_true", help="say what would be done, and do nothing"
    )
    instead.add_argument(
        "--preflight",
        action="store_true",
        help="check whether the run can succeed, and stop; without a dataset: the installation",
    )
    instead.add_argument("--json", action="store_true", help="with --preflight: print JSON")
    return parser


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    """What a run is told, now or, with ``spikefocus plan``, later on a cluster."""
    _add_data_options(parser)
    _add_work_options(parser)


def _add_data_options(parser: argparse.ArgumentParser) -> None:
    data = parser.add_argument_group("which data")
    data.add_argument("--participant-label", **_SEVERAL, default=[], metavar="LABEL")
    data.add_argument("--session-label", **_SEVERAL, default=[], metavar="LABEL")
    data.add_argument("--task", **_SEVERAL, default=[])
    data.add_argument("--run", **_SEVERAL, default=[])
    data.add_argument("--bids-filter-file", type=Path, help='JSON: {"t1w": {...}, "meg": {...}}')
    data.add_argument(
        "-d",
        "--derivatives",
        **_SEVERAL,
        default=[],
        metavar="NAME=PATH",
        help="derivative datasets (freesurfer, resection masks) outside BIDS_DIR/derivatives",
    )
    data.add_argument("--fs-subjects-dir", help="FreeSurfer's SUBJECTS_DIR; 'none': a template")
    data.add_argument(
        "--follow-links",
        action="store_true",
        help="read files behind links that lead out of the dataset (a dataset's own git-annex is "
        "always followed)",
    )
    data.add_argument(
        "--spike-name", **_SEVERAL, metavar="PATTERN", help="how spikes are called in events.tsv"
    )
    data.add_argument(
        "--modality",
        choices=(AUTO, *names_in("pipeline.modality")),
        default=AUTO,
        help="what is imaged: auto (MEG where there are recordings of it, else EEG), MEG or EEG alone, or both of one recording "
        "together (meg_eeg); EEG is also taken from recordings of MEG that hold it",
    )
    data.add_argument(
        "--marks",
        type=Path,
        metavar="FOLDER",
        help="derivatives dataset with the marks (of spikefocus import-marks, or reviewed ones); its "
        "events.tsv are read instead of the dataset's own",
    )
    data.add_argument(
        "--detect-spikes",
        action="store_true",
        help="look for spikes instead of reading marks; the report says that nobody reviewed them",
    )
    data.add_argument(
        "--contact-labels",
        type=Path,
        metavar="FILE",
        help="JSON that says which contacts are soz, resected and edge, instead of the dataset's "
        'usual columns: {"soz": {"electrodes.tsv:COLUMN": ["word", ...]}}, or lists of contacts: '
        '{"participants": {"sub-01": {"soz": ["A1", "A2"]}}}',
    )
    data.add_argument(
        "--trans",
        type=Path,
        metavar="FILE",
        help="co-registration of one participant that was checked (head to MRI, as mne coreg saves "
        "it), instead of the automatic one; a sub-X_trans.fif in the dataset or a derivative is found",
    )
    data.add_argument(
        "--clinical-file",
        type=Path,
        metavar="FILE",
        help="TOML about one participant, instead of the dataset's sub-X_clinical.toml",
    )
    data.add_argument(
        "--dicom-template",
        type=Path,
        metavar="FILE_OR_DIR",
        help="DICOM images of the T1w of one participant: the report is also written as DICOM "
        "objects with their patient's and study's identifiers",
    )


def _add_work_options(parser: argparse.ArgumentParser) -> None:
    how = parser.add_argument_group("how")
    how.add_argument(
        "--stage", nargs="+", choices=STAGES, default=list(STAGES), help="run only these stages"
    )
    how.add_argument("--reports-only", action="store_true", help="the same as --stage report")
    how.add_argument("--network", choices=("auto", *NETWORKS), default="auto")
    how.add_argument(
        "--generic-model", type=Path, help="generic weights of your own (from train-generic)"
    )
    how.add_argument("--methods", **_SEVERAL, choices=METHODS.names())
    how.add_argument("--config", type=Path, help="TOML with one table of options per stage")
    how.add_argument(
        "--keep-face",
        action="store_true",
        help="leave face and ears in pictures, scalp and head points, which are cut off by default",
    )
    how.add_argument("--skip-bids-validation", action="store_true")
    how.add_argument("--stop-on-first-crash", action="store_true")

    machine = parser.add_argument_group("machine")
    machine.add_argument("--device", choices=DEVICES, default="auto")
    machine.add_argument(
        "--nprocs", type=at_least_one, help="threads to use (default: all that the job may use)"
    )
    machine.add_argument("-w", "--work-dir", type=Path, help="folder for temporary files")
    machine.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="json: JSON lines on standard error and in logs/sub-X.jsonl, beside the text log",
    )
    machine.add_argument("-v", "--verbose", action="store_true", help="tracebacks in the log files")


def command_parser() -> argparse.ArgumentParser:
    """Parser of the companions, ``spikefocus demo`` and others."""
    parser = argparse.ArgumentParser(prog="spikefocus")
    commands = parser.add_subparsers(dest="command", required=True)

    demo = commands.add_parser("demo", help="create virtual patients as a BIDS dataset")
    demo.add_argument("out_dir", type=Path, help="gets bids/, truth/ and, with --run, output/")
    demo.add_argument("--seed", type=_seed, default=1)
    demo.add_argument(
        "--array",
        choices=ARRAYS,
        help="one array for all: a helmet, 64 electrodes (eeg64), or both together (default: neuromag for a single patient, both in a cohort)",
    )
    demo.add_argument("--patients", type=at_least_one, default=1, metavar="N")
    demo.add_argument(
        "--scenario",
        choices=SCENARIOS.names(),
        default="one_focus",
        help="what the patients have (docs/demo.md says what each is)",
    )
    demo.add_argument(
        "--run", action="store_true", help="run the pipeline on them and compare with the truth"
    )
    demo.add_argument("--config", type=Path, help="TOML with options of the stages, with --run")
    demo.add_argument("--nprocs", type=at_least_one)

    train = commands.add_parser("train-generic", help="train a generic model of your own")
    train.add_argument("out_dir", type=Path, help="gets weights, model card and checkpoints")
    train.add_argument("--network", choices=NETWORKS.names(), default="compact")
    train.add_argument(
        "--array", nargs="+", dest="arrays", help="MEG arrays of the training population"
    )
    train.add_argument(
        "--input",
        choices=("projected", "raw"),
        help="projected to 994 regions (any channels), or the paper's raw channels of one array",
    )
    train.add_argument("--start", type=Path, metavar="WEIGHTS", help="train these weights further")
    train.add_argument("--steps", type=at_least_one)
    train.add_argument("--learning-rate", type=float, help="of Adam, at its highest")
    train.add_argument("--seed", type=_seed)
    train.add_argument("--device", choices=DEVICES, default="auto")
    train.add_argument("--nprocs", type=at_least_one)

    _add_train(commands)
    _add_import_marks(commands)

    plan = commands.add_parser(
        "plan",
        help="write what Slurm, Snakemake or Kubernetes needs to run one participant per task",
        description="Write what an engine needs to run one participant per task. All options of "
        "a run are those of spikefocus BIDS_DIR OUTPUT_DIR participant.",
    )
    plan.add_argument("bids_dir", type=Path, help="root of the BIDS dataset")
    plan.add_argument("output_dir", type=Path, help="where the derivatives will go")
    plan.add_argument("--engine", choices=ENGINES.names(), required=True)
    plan.add_argument(
        "--out", type=Path, metavar="FOLDER", help="gets the files (default: spikefocus-ENGINE)"
    )
    plan.add_argument(
        "--program",
        default="spikefocus",
        metavar="COMMAND",
        help="what starts spikefocus on a node, for example 'apptainer run --nv spikefocus.sif'",
    )
    plan.add_argument(
        "--image", default=f"spikefocus:{__version__}", help="container image (Kubernetes)"
    )
    _add_run_options(plan)

    status = commands.add_parser("status", help="sum up a cohort: done, failed, running, stale")
    status.add_argument("output_dir", type=Path)
    status.add_argument("--json", action="store_true")

    options = commands.add_parser("options", help="list every option of --config")
    options.add_argument("--markdown", action="store_true", help="as a page of documentation")
    return parser


def _add_train(commands) -> None:
    system = commands.add_parser(
        "train",
        help="train another paper's network for one participant's head",
        description="Train a published system for a head that has a leadfield and averaged spikes; "
        "--methods NAME then images with it. Called again, it goes on.",
    )
    system.add_argument("name", choices=SYSTEMS.names())
    system.add_argument(
        "--head", type=Path, required=True, metavar="OUTPUT_DIR/sub-X", help="of a run"
    )
    system.add_argument("--size", choices=SIZES, default="cpu")
    system.add_argument("--minutes", type=at_least_one, help="end after these (default: all steps)")
    system.add_argument("--seed", type=_seed, default=1)
    system.add_argument("--nprocs", type=at_least_one)


def _add_import_marks(commands) -> None:
    marks = commands.add_parser(
        "import-marks",
        help="bring marks of other programs into BIDS",
        description="Write the marks of one recording, made in another program, as events.tsv of a "
        "derivatives dataset, which spikefocus --marks reads.",
    )
    marks.add_argument("bids_dir", type=Path, help="root of the BIDS dataset")
    marks.add_argument("marks_dir", type=Path, help="derivatives dataset, created or added to")
    marks.add_argument("recording", type=Path, help="path of the recording in the dataset")
    marks.add_argument(
        "mark_files",
        type=Path,
        nargs="*",
        metavar="mark_file",
        help="files of marks (default: what the recording itself holds)",
    )
    marks.add_argument(
        "--spike",
        nargs="+",
        metavar="NAME_OR_CODE",
        help="how the marks call a spike, or the codes of its triggers (default: as --spike-name)",
    )
    marks.add_argument("--format", choices=MARK_FORMATS.names(), help="default: told by the file")
    marks.add_argument(
        "--count-from",
        choices=("first-sample", "acquisition"),
        help="whether times begin with the first stored sample or with the acquisition, which began "
        "earlier (default: as the format does)",
    )
    marks.add_argument(
        "--columns",
        nargs="+",
        default=[],
        metavar="KEY=COLUMN",
        help="tables: columns of onset, duration and name, by name or by number from 1",
    )
    marks.add_argument(
        "--unit", choices=("s", "ms", "us", "min", "samples"), default="s", help="tables: of times"
    )
    marks.add_argument("--channel", help="triggers: the channel")
    marks.add_argument(
        "--drop-outside",
        action="store_true",
        help="leave out marks outside the recording instead of refusing them",
    )


def at_least_one(text: str) -> int:
    """A whole number from 1, as an option's type."""
    return _whole_number(text, 1, 2**31 - 1)


def _seed(text: str) -> int:
    return _whole_number(text, 0, LARGEST_SEED)


def _whole_number(text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of {low} to {high}")
    return int(text)
