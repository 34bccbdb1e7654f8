"""Find one participant's files in a BIDS dataset."""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from bids_app.clinical import (
    IeegFiles,
    find_ieeg,
    find_outcome,
    find_surgery,
)
from bids_app.dataset.empty_room import find_empty_room
from bids_app.dataset.freesurfer import find_freesurfer
from bids_app.dataset.links import refuse_links_out
from bids_app.dataset.marks import events_json_of, events_of, notes_of_marks
from bids_app.dataset.participants import find_clinical_file, is_virtual, participant_labels
from bids_app.dataset.query import Query
from bids_app.dataset.runs import find_recordings
from bids_app.dataset.t1w import find_t1w, find_t1w_json
from bids_app.sidecars import nearest
from bids_app.trans import find_trans
from pipeline.compare.config import NO_MASK, NO_POSTOP
from pipeline.errors import InvalidInput
from pipeline.files import read_json
from pipeline.spikes.reference import reference_run


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
    clinical: Path | None = None
    """What the referring physician says, for the report."""
    virtual: bool = False
    """Whether the dataset says that there is no such person."""


def find_patient(
    bids_dir: Path,
    label: str,
    query: Query,
    derivatives: dict[str, Path],
    fs_subjects_dir: Path | None,
    use_freesurfer: bool,
    follow_links: bool = False,
) -> PatientFiles:
    """Resolve every input of the pipeline for one participant.

    Parameters
    ----------
    bids_dir : Path
    label : str
    query : Query
    derivatives : dict of str to Path
        Derivative datasets by name.
    fs_subjects_dir : Path or None
        FreeSurfer's ``SUBJECTS_DIR``, where it was named.
    use_freesurfer : bool
    follow_links : bool
        Whether links may lead out of the folders that are named.

    Raises
    ------
    InvalidInput
        If there is no T1w or no MEG, their content is not here, or a link leads out of the dataset.
    """
    folder = _folder_of(bids_dir, label)
    named = [*derivatives.values(), *filter(None, (fs_subjects_dir, query.marks_dir))]

    def check_links(*paths: Path | None, roots: list[Path] = named) -> None:
        if not follow_links:
            refuse_links_out(filter(None, paths), [bids_dir, *roots])

    check_links(folder, *folder.rglob("*"), roots=[])
    check_links(*bids_dir.glob("participants.tsv"), *bids_dir.glob("*_clinical.toml"), roots=[])
    notes: list[str] = []
    meg = (recordings := find_recordings(folder, query, notes)).runs
    t1w = find_t1w(folder, meg, query, notes)
    events = [events_of(path, bids_dir, query.marks_dir) for path in meg]
    events_json = [events_json_of(path, bids_dir, query.marks_dir) for path in meg]
    reference = reference_run(meg, events, query.spike_name, events_json)
    notes += notes_of_marks(events, query.marks_dir)
    roots = _derivative_roots(bids_dir, derivatives)
    surgery = find_surgery(label, bids_dir, roots, t1w, notes)
    freesurfer_dir = (
        find_freesurfer(bids_dir, t1w, query.sessions, roots, fs_subjects_dir, notes)
        if use_freesurfer
        else None
    )
    files = PatientFiles(
        label=label,
        t1w=t1w,
        t1w_json=find_t1w_json(t1w, bids_dir),
        freesurfer_dir=freesurfer_dir,
        meg=meg,
        events=events,
        channels=[nearest(path, "channels", ".tsv", bids_dir) for path in meg],
        events_json=events_json,
        empty_room=find_empty_room(bids_dir, recordings, meg[reference], notes),
        ieeg=find_ieeg(folder, roots),
        resection_mask=surgery.mask,
        postop_t1w=surgery.postop_t1w,
        no_mask=surgery.no_mask,
        no_postop=surgery.no_postop,
        trans=find_trans(folder, meg, roots, notes),
        outcome=find_outcome(bids_dir, label, notes),
        clinical=find_clinical_file(bids_dir, label),
        virtual=is_virtual(bids_dir, label),
        notes=notes,
    )
    check_links(*files.events, *files.channels, *chain(*events_json), *files.ieeg.all_files)
    check_links(files.t1w_json, files.trans, files.empty_room, surgery.mask, surgery.postop_t1w)
    if freesurfer_dir:
        # A SUBJECTS_DIR is often a folder of links.
        own = [freesurfer_dir] if fs_subjects_dir else []
        check_links(*freesurfer_dir.rglob("*"), roots=[*named, *own])
    return files


def _folder_of(bids_dir: Path, label: str) -> Path:
    folder = bids_dir / f"sub-{label}"
    if not folder.is_dir():
        known = ", ".join(participant_labels(bids_dir)[:10])
        raise InvalidInput(
            f"Participant {label} is not in the dataset",
            file=bids_dir,
            hint=f"choose among: {known}" if known else "the dataset has no participants",
        )
    return folder


def _derivative_roots(bids_dir: Path, derivatives: dict[str, Path]) -> list[Path]:
    """The datasets of derivatives that are named or lie in the dataset, none of our own."""
    roots = [*derivatives.values(), *sorted((bids_dir / "derivatives").glob("*/"))]
    return [root for root in roots if not _is_our_output(root)]


def _is_our_output(root: Path) -> bool:
    """Whether a derivative dataset is what this program wrote: it must not read its own results."""
    try:
        made_by = read_json(root / "dataset_description.json").get("GeneratedBy")
    except (OSError, InvalidInput):
        return False
    programs = made_by if isinstance(made_by, list) else []
    return any(isinstance(each, dict) and each.get("Name") == "spikefocus" for each in programs)
