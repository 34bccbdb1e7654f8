"""Find one participant's files in a BIDS dataset."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import mne_bids

from bids_app.clinical import (
    IeegFiles,
    find_ieeg,
    find_outcome,
    find_postop_t1w,
    find_resection_mask,
)
from bids_app.dataset.participants import participant_labels
from bids_app.sidecars import applicable
from bids_app.trans import find_trans
from pipeline.compare.config import NO_MASK, NO_POSTOP
from pipeline.compare.frames import is_postoperative
from pipeline.errors import InvalidInput
from pipeline.files import read_json, read_metadata
from pipeline.readers import is_recording

_NOT_RECORDINGS = ("acq-crosstalk", "acq-calibration", "task-noise")


@dataclass(frozen=True)
class Query:
    """Which of a participant's files are wanted."""

    sessions: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    filters: dict[str, dict[str, str]] = field(default_factory=dict)
    """As in fMRIPrep's filter file: ``{"t1w": {"acquisition": "mprage"}, "meg": {...}}``."""


@dataclass(frozen=True)
class PatientFiles:
    """What the dataset holds of one participant."""

    label: str
    t1w: Path
    t1w_json: Path | None
    freesurfer_dir: Path | None
    meg: list[Path]
    events: list[Path | None]
    channels: list[Path | None]
    events_json: list[list[Path]]
    """For each recording the ``events.json`` that apply, the most specific first."""
    empty_room: Path | None
    ieeg: IeegFiles
    resection_mask: Path | None
    postop_t1w: Path | None
    outcome: str | None
    notes: list[str]
    """Choices made on the way that the reader of the report must know."""
    contact_labels: Path | None = None
    no_mask: str = NO_MASK
    """Why there is no resection mask."""
    no_postop: str = NO_POSTOP
    trans: Path | None = None


def find_patient(
    bids_dir: Path,
    label: str,
    query: Query,
    derivatives: dict[str, Path],
    fs_subjects_dir: Path | None,
    use_freesurfer: bool,
) -> PatientFiles:
    """Resolve every input of the pipeline for one participant.

    Raises
    ------
    InvalidInput
        If there is no T1w or no MEG, or where the choice between files is ambiguous.
    """
    folder = bids_dir / f"sub-{label}"
    if not folder.is_dir():
        known = ", ".join(participant_labels(bids_dir)[:10])
        raise InvalidInput(
            f"Participant {label} is not in the dataset",
            file=bids_dir,
            hint=f"choose among: {known}" if known else "the dataset has no participants",
        )
    _refuse_links_out([folder, *folder.rglob("*")], [bids_dir])
    notes = []
    t1w = _find_t1w(folder, query, notes)
    t1w_json = t1w.with_name(t1w.name.split(".nii")[0] + ".json")
    meg = _find_meg(folder, query)
    roots = [*derivatives.values(), *sorted(p for p in (bids_dir / "derivatives").glob("*/"))]
    roots = [root for root in roots if not _is_our_output(root)]
    mask, no_mask = find_resection_mask(label, roots, notes)
    postop_t1w, no_postop = (
        find_postop_t1w(label, bids_dir, roots, mask) if mask else (None, NO_POSTOP)
    )
    _refuse_links_out(filter(Path.is_file, [bids_dir / "participants.tsv"]), [bids_dir])
    files = PatientFiles(
        label=label,
        t1w=t1w,
        t1w_json=t1w_json if t1w_json.is_file() else None,
        freesurfer_dir=_find_freesurfer(bids_dir, label, query, roots, fs_subjects_dir)
        if use_freesurfer
        else None,
        meg=meg,
        events=[_sidecar(path, "events") for path in meg],
        channels=[_sidecar(path, "channels") for path in meg],
        events_json=[applicable(path, "events", ".json", bids_dir) for path in meg],
        empty_room=_find_empty_room(bids_dir, meg[0], notes),
        ieeg=find_ieeg(folder, roots),
        resection_mask=mask,
        postop_t1w=postop_t1w,
        no_mask=no_mask,
        no_postop=no_postop,
        trans=find_trans(folder, meg, roots, notes),
        outcome=find_outcome(bids_dir, label, notes),
        notes=notes,
    )
    named = [*derivatives.values(), *([fs_subjects_dir] if fs_subjects_dir else [])]
    if fs_subjects_dir and files.freesurfer_dir:
        named.append(files.freesurfer_dir)  # a SUBJECTS_DIR is often a folder of links
    if files.freesurfer_dir:
        _refuse_links_out(files.freesurfer_dir.rglob("*"), [bids_dir, *named])
    others = [*files.events, *files.channels, *chain(*files.events_json), files.empty_room]
    clinical = [*files.ieeg.images, files.resection_mask, files.postop_t1w, files.trans]
    _refuse_links_out(filter(None, [*others, *clinical]), [bids_dir, *named])
    return files


def _refuse_links_out(paths: Iterable[Path], roots: list[Path]) -> None:
    """Refuse what leads out of the folders that the command line names.

    Raises
    ------
    InvalidInput
        A path is, or lies behind, a link to somewhere else.
    """
    allowed = [root.resolve() for root in roots]
    for path in paths:
        target = path.resolve()
        if not any(target.is_relative_to(root) for root in allowed):
            raise InvalidInput(
                "The path is a link that leads out of the dataset",
                file=path,
                hint="copy the file into the dataset, or name a derivative's folder with "
                "--derivatives",
            )


def _is_our_output(root: Path) -> bool:
    """Whether a derivative dataset is what this program wrote: it must not read its own results."""
    try:
        made_by = read_json(root / "dataset_description.json").get("GeneratedBy")
    except (OSError, InvalidInput):
        return False
    programs = made_by if isinstance(made_by, list) else []
    return any(isinstance(each, dict) and each.get("Name") == "spikefocus" for each in programs)


def _matches(path: Path, query: Query, kind: str) -> bool:
    entities = mne_bids.get_entities_from_fname(path.name, on_error="ignore")
    wanted = {"session": query.sessions, "task": query.tasks, "run": query.runs}
    if kind == "t1w":
        wanted = {"session": query.sessions if entities.get("session") else ()}
    exact = {key: (value,) for key, value in query.filters.get(kind, {}).items()}
    return all(
        not values or str(entities.get(key)) in values
        for key, values in {**wanted, **exact}.items()
        if key not in ("suffix", "datatype")
    )


def _find_t1w(folder: Path, query: Query, notes: list[str]) -> Path:
    found = sorted(
        p
        for p in folder.glob("**/anat/*_T1w.nii*")
        if p.name.endswith((".nii", ".nii.gz")) and _matches(p, query, "t1w")
    )
    if not found:
        raise InvalidInput(
            "No T1-weighted MRI was found",
            file=folder / "anat",
            hint="add a *_T1w.nii.gz or widen the session and filter options",
        )
    preoperative = [p for p in found if not is_postoperative(p)]
    chosen = (preoperative or found)[0]
    if not preoperative:
        notes.append(f"The T1-weighted MRI {chosen.name} is named as a post-operative one.")
    elif len(preoperative) > 1:
        notes.append(f"{len(preoperative)} T1-weighted MRIs were found; {chosen.name} was used.")
    return chosen


def _find_meg(folder: Path, query: Query) -> list[Path]:
    found = sorted(
        p
        for p in folder.glob("**/meg/*_meg*")
        if is_recording(p)
        and not any(part in p.name for part in _NOT_RECORDINGS)
        and not re.search(r"_split-0*([2-9]|1\d)_", p.name)
        and _matches(p, query, "meg")
    )
    if not found:
        raise InvalidInput(
            "No MEG recording was found",
            file=folder / "meg",
            hint="add a *_meg recording or widen the session, task, run and filter options",
        )
    return found


def _sidecar(recording: Path, suffix: str) -> Path | None:
    """The sidecar beside a recording, else the nearest one that BIDS inheritance allows."""
    stem = re.sub(r"_split-\d+", "", recording.name).rsplit("_meg", 1)[0]
    beside = recording.with_name(f"{stem}_{suffix}.tsv")
    if beside.is_file():
        return beside
    entities = set(stem.split("_"))
    above = [
        p
        for folder in list(recording.parents)[:4]
        for p in sorted(folder.glob(f"*_{suffix}.tsv"))
        if set(p.name.rsplit("_", 1)[0].split("_")) <= entities
    ]
    return above[0] if above else None


def _find_empty_room(bids_dir: Path, recording: Path, notes: list[str]) -> Path | None:
    sidecar = recording.with_name(recording.name.rsplit("_meg", 1)[0] + "_meg.json")
    if sidecar.is_file():
        try:
            stated = read_metadata(sidecar).get("AssociatedEmptyRoom")
        except InvalidInput as error:
            stated = None
            notes.append(f"{sidecar.name} names no empty room: {error.message}.")
        for uri in stated if isinstance(stated, list) else [stated]:
            try:
                path = (bids_dir / re.sub(r"^bids:[^:]*:", "", uri)).resolve()
                inside = path.exists() and path.is_relative_to(bids_dir.resolve())
            except (OSError, ValueError, TypeError):
                continue  # no path at all
            if inside:
                return path
    noise = sorted(recording.parent.glob("*task-noise*_meg.*"))
    noise = [p for p in noise if is_recording(p)]
    if noise:
        return noise[0]
    session = re.search(r"_ses-(\d{8})_", recording.name)
    if session:
        same_day = sorted((bids_dir / "sub-emptyroom" / f"ses-{session[1]}").glob("meg/*_meg.*"))
        same_day = [p for p in same_day if is_recording(p)]
        if same_day:
            return same_day[0]
    return None


def _find_freesurfer(bids_dir, label, query, roots, fs_subjects_dir) -> Path | None:
    if fs_subjects_dir is not None:
        parents = [fs_subjects_dir]
    else:
        parents = [p for p in roots if "freesurfer" in p.name.lower()]
        parents.append(bids_dir / "sourcedata" / "freesurfer")
    for parent in parents:
        candidates = [parent / f"sub-{label}", *sorted(parent.glob(f"sub-{label}_ses-*"))]
        candidates += sorted(parent.glob(f"sub-{label}/ses-*/sub-{label}_ses-*"))
        if query.sessions:
            candidates.sort(key=lambda p: not any(f"ses-{s}" in str(p) for s in query.sessions))
        for candidate in candidates:
            if (candidate / "surf").is_dir():
                return candidate
    if fs_subjects_dir is not None:
        raise InvalidInput(
            f"FreeSurfer's folder of sub-{label} was not found",
            file=fs_subjects_dir,
            hint="check --fs-subjects-dir, or leave it out to use the template head model",
        )
    return None
