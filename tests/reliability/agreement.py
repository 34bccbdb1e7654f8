"""Does the preflight say what the run says? Hundreds of damaged and unusual datasets, both verdicts.

`python tests/reliability/agreement.py FOLDER [-n 220] [--seed 1]` writes FOLDER/agreement.json and
prints a summary; it ends with code 1 where the two disagree. A run here is the command line with
the stages' own code as far as it reads the dataset: the head model up to brain extraction, the
spikes and the comparison whole; what only computes is taken from a patient made beforehand.
"""

import argparse
import contextlib
import io
import json
import logging
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import contradiction_mutations  # noqa: F401, adds to MUTATIONS
import file_mutations  # noqa: F401
import naming_mutations  # noqa: F401
import table_mutations  # noqa: F401
from dataset_mutations import MUTATIONS, Mutation
from report_patient import write_report_patient
from spikes_recording import simulate

from bids_app.cli import main
from bids_app.exit_codes import ExitCode
from bids_app.preflight.recordings import ONLY_DATA_TELL
from bids_app.stages import MODULES
from pipeline.files import read_json
from pipeline.headmodel import anatomy
from pipeline.paths import PatientPaths

SFREQ_HZ, DURATION_S, N_SPIKES = 250.0, 60.0, 14
EVERY_NTH_CHANNEL = 5
_CONFIG = "[spikes]\nmin_baseline_s = 5\n"


class _Enough(Exception):
    """The cheap part of the head model is done."""


@dataclass(frozen=True)
class Base:
    """An intact dataset, and the derivatives of a patient on the same head."""

    bids: Path
    results: Path


@dataclass(frozen=True)
class Verdict:
    """What one dataset came to.

    Attributes
    ----------
    name : str
        Mutation and its seed.
    promised, ended : int
        Exit codes of preflight and run.
    said : str
        Preflight's failures and notes.
    message : str
        The run's.
    soz_promised, soz_ended : bool or None
        Whether contacts can be compared with; None where either does not come so far.
    """

    name: str
    promised: int
    ended: int
    said: str
    message: str
    soz_promised: bool | None
    soz_ended: bool | None

    @property
    def agrees(self) -> bool:
        told = None in (self.soz_promised, self.soz_ended) or self.soz_promised == self.soz_ended
        return self.promised == self.ended and told

    @property
    def reserved(self) -> bool:
        """Whether the run failed for what the preflight said that it cannot know."""
        return self.promised == ExitCode.DONE != self.ended and ONLY_DATA_TELL in self.said


def make_base(root: Path) -> Base:
    """A participant with T1w, MEG, contacts and resection mask, and results of every stage."""
    made = write_report_patient(root / "results")
    given = made.inputs.t1w.parent
    bids = root / "bids"
    sub = bids / "sub-01"
    for folder in ("anat", "meg", "ieeg"):
        (sub / folder).mkdir(parents=True)
    shutil.copy(made.inputs.t1w, sub / "anat/sub-01_T1w.nii.gz")
    landmarks = {"NAS": [45, 106, 20], "LPA": [4, 52, 18], "RPA": [86, 52, 18]}
    described = {"AnatomicalLandmarkCoordinates": landmarks}
    (sub / "anat/sub-01_T1w.json").write_text(json.dumps(described))
    stem = sub / "ieeg" / "sub-01"
    for name in ("electrodes.tsv", "coordsystem.json"):
        shutil.copy(given / "ieeg" / f"sub-01_{name}", f"{stem}_{name}")
    shutil.copy(given / "ieeg/sub-01_channels.tsv", f"{stem}_task-rest_channels.tsv")
    mask = bids / "derivatives/resection/sub-01/anat/sub-01_desc-resection_mask.nii.gz"
    mask.parent.mkdir(parents=True)
    shutil.copy(given / "ieeg/sub-01_desc-resection_mask.nii.gz", mask)
    description = '{"Name": "x", "BIDSVersion": "1.10.0"}'
    (bids / "dataset_description.json").write_text(description)
    (mask.parents[2] / "dataset_description.json").write_text(description)
    (bids / "participants.tsv").write_text("participant_id\tengel\nsub-01\tIA\n")
    _write_meg(sub / "meg", root / "simulated")
    return Base(bids, root / "results")


def _write_meg(folder: Path, draft: Path) -> None:
    """A recording of few channels, with digitised points, that the spikes stage takes."""
    made = simulate(
        draft, n_spikes=N_SPIKES, n_wrong=1, duration_s=DURATION_S, sfreq=SFREQ_HZ, aux=False
    )
    raw = mne.io.read_raw_fif(made.meg, preload=True, verbose="error")
    raw.pick(raw.ch_names[::EVERY_NTH_CHANNEL])
    rng = np.random.default_rng(0)
    points = rng.normal(size=(60, 3))
    points = 0.09 * points / np.linalg.norm(points, axis=1, keepdims=True) + [0, 0, 0.04]
    raw.set_montage(
        mne.channels.make_dig_montage(
            nasion=(0, 0.1, 0), lpa=(-0.075, 0, 0), rpa=(0.075, 0, 0), hsp=points
        ),
        verbose="error",
    )
    raw.save(folder / "sub-01_task-rest_run-01_meg.fif", fmt="single", verbose="error")
    shutil.copy(made.events, folder / "sub-01_task-rest_run-01_events.tsv")
    rows = [f"{name}\tMEGMAG\tT\tgood" for name in raw.ch_names]
    table = "\n".join(["name\ttype\tunits\tstatus", *rows]) + "\n"
    (folder / "sub-01_task-rest_run-01_channels.tsv").write_text(table)
    (folder / "sub-01_task-rest_run-01_meg.json").write_text('{"TaskName": "rest"}')


@contextlib.contextmanager
def cheap_stages(base: Base) -> Iterator[None]:
    """Replace what only computes by the results of the patient made beforehand."""
    real = {stage: module.run for stage, module in MODULES.items()}
    extract_brain = anatomy.extract_brain

    def enough(*_):
        raise _Enough

    def headmodel(inputs, paths, config, progress):
        with contextlib.suppress(_Enough):
            real["headmodel"](inputs, paths, config, progress)
        shutil.copytree(base.results / "sub-01", paths.folder, dirs_exist_ok=True)
        for stage in ("headmodel", "personalize", "image"):
            for file in MODULES[stage].writes(paths):
                file.parent.mkdir(exist_ok=True)
                file.touch()

    def report(inputs, paths, config, progress):
        for file in (paths.report_pdf, paths.report_html):
            file.write_text("a report")
        paths.qc("report").write_text("{}")
        for file in MODULES["report"].writes(paths):
            file.touch()

    anatomy.extract_brain = enough

    def nothing(inputs, paths, config, progress):
        pass  # its results are there

    fakes = {"headmodel": headmodel, "personalize": nothing, "image": nothing, "report": report}
    for stage, fake in fakes.items():
        MODULES[stage].run = fake
    try:
        yield
    finally:
        anatomy.extract_brain = extract_brain
        for stage, run in real.items():
            MODULES[stage].run = run


def judge(base: Base, mutation: Mutation, seed: int, root: Path) -> Verdict:
    """Damage a copy of the dataset; return what preflight and run say of it."""
    bids = root / "bids"
    shutil.copytree(base.bids, bids, copy_function=os.link)
    mutation.apply(bids, np.random.default_rng(seed))
    config = root / "config.toml"
    config.write_text(_CONFIG)
    arguments = [str(bids), str(root / "out"), "participant", "--config", str(config)]
    arguments += ["--skip-bids-validation", *mutation.options]
    promised, printed = _called([*arguments, "--preflight", "--json"])
    findings = json.loads(printed)["findings"] if printed.startswith("{") else []
    ended, _ = _called(arguments)
    paths = PatientPaths(root / "out", "01")
    message = read_json(paths.status).get("message") or "" if paths.status.exists() else ""
    contacts = next((one for one in findings if one["check"] == "SOZ labels"), None)
    soz_ended = None
    if ended == ExitCode.DONE and not mutation.moves_head:
        soz_ended = read_json(paths.qc("compare"))["soz_assessable"]
    said = [f"{one['check']}: {one['detail']}" for one in findings if one["state"] != "ok"]
    return Verdict(
        f"{mutation.name} {seed}",
        int(promised),
        int(ended),
        "; ".join(said),
        message,
        "not assessable" not in contacts["detail"] if contacts else None,
        soz_ended,
    )


def _called(arguments: list[str]) -> tuple[int, str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        try:
            code = main(arguments)
        except SystemExit as stop:
            code = stop.code
    return code, out.getvalue()


def judge_all(base: Base, n: int, seed: int, work: Path) -> Iterator[Verdict]:
    """Verdicts on `n` datasets, every mutation in turn."""
    with cheap_stages(base), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("mne").setLevel(logging.ERROR)
        for index in range(n):
            mutation = MUTATIONS[index % len(MUTATIONS)]
            with tempfile.TemporaryDirectory(dir=work) as folder:
                yield judge(base, mutation, seed + index // len(MUTATIONS), Path(folder))


def campaign() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("-n", type=int, default=220)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    verdicts, started = [], time.monotonic()
    with tempfile.TemporaryDirectory(dir=args.folder) as work:
        base = make_base(Path(work) / "base")
        for verdict in judge_all(base, args.n, args.seed, Path(work)):
            verdicts.append(verdict)
            mark = "agree" if verdict.agrees else "reserved" if verdict.reserved else "DISAGREE"
            print(f"{mark} {verdict.promised} {verdict.ended} {verdict.name}", flush=True)
            if not verdict.agrees:
                print(f"    preflight: {verdict.said}\n    run: {verdict.message}", flush=True)
    table = [vars(verdict) | {"agrees": verdict.agrees} for verdict in verdicts]
    (args.folder / "agreement.json").write_text(json.dumps(table, indent=2))
    codes = Counter(verdict.ended for verdict in verdicts)
    n_agree = sum(verdict.agrees for verdict in verdicts)
    n_reserved = sum(verdict.reserved for verdict in verdicts)
    print(
        f"{n_agree} of {len(verdicts)} agree and {n_reserved} were not promised, in "
        f"{time.monotonic() - started:.0f} s; runs by exit code: {dict(sorted(codes.items()))}"
    )
    return 0 if n_agree + n_reserved == len(verdicts) else 1


if __name__ == "__main__":
    sys.exit(campaign())
