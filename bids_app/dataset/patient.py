"""Find one participant's files in a BIDS dataset."""

from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from bids_app.clinical import IeegFiles, find_ieeg, find_outcome
from bids_app.dataset.closed import notes_of_closed, open_roots
from bids_app.dataset.empty_room import find_empty_room
from bids_app.dataset.freesurfer import find_freesurfer
from bids_app.dataset.links import LEADS_OUT, leads_out, refuse_links_out
from bids_app.dataset.marks import events_json_of, events_of, notes_of_marks, notes_of_stray_tables
from bids_app.dataset.participants import find_clinical_file, is_virtual, participant_labels
from bids_app.dataset.query import Query
from bids_app.dataset.runs import find_recordings
from bids_app.dataset.t1w import find_t1w, find_t1w_json
from bids_app.derivatives import is_our_output
from bids_app.listing import CLOSED, is_open
from bids_app.surgery import find_surgery
from bids_app.trans import find_trans
from pipeline.compare.config import NO_MASK, NO_POSTOP
from pipeline.errors import InvalidInput
from pipeline.names import contradicts_folder, folder_session
from pipeline.readers import companions
from pipeline.sidecars import nearest
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
    mask_drawn_on: str = ""
    """Name of the T1w of another session that the resection mask was drawn on."""
    trans: Path | None = None
    clinical: Path | None = None
    """What the referring physician says, for the report."""
    virtual: bool = False
    """Whether the dataset says that there is no such person."""
    modality: str = ""
    """What is imaged, where it was asked for."""


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
        If there is no T1w or no MEG, their content is not here, or one of them is a link out of the
        dataset.
    """
    folder = _folder_of(bids_dir, label)
    named = [bids_dir, *derivatives.values(), *filter(None, (fs_subjects_dir, query.marks_dir))]
    if not follow_links:
        refuse_links_out([folder], named)
    notes = notes_of_closed(folder)
    meg = (recordings := find_recordings(folder, query, notes)).runs
    t1w = find_t1w(folder, meg, query, notes)
    events = [events_of(path, bids_dir, query.marks_dir) for path in meg]
    events_json = [events_json_of(path, bids_dir, query.marks_dir) for path in meg]
    reference = reference_run(meg, events, query.spike_name, events_json)
    notes += notes_of_marks(events, query.marks_dir)
    if query.marks_dir is None:
        notes += notes_of_stray_tables(folder, bids_dir, all(events), query.modality)
    roots = open_roots(_derivative_roots(bids_dir, derivatives, notes), label, notes)
    surgery = find_surgery(label, bids_dir, roots, t1w, notes)
    freesurfer_dir = (
        find_freesurfer(bids_dir, t1w, query.sessions, roots, fs_subjects_dir, notes)
        if use_freesurfer
        else None
    )
    files = PatientFiles(
        label=label,
        t1w=t1w,
        t1w_json=find_t1w_json(t1w, folder, notes),
        freesurfer_dir=freesurfer_dir,
        meg=meg,
        events=events,
        channels=[nearest(path, "channels", ".tsv", bids_dir) for path in meg],
        events_json=events_json,
        empty_room=find_empty_room(bids_dir, recordings, meg[reference], notes, query.modality),
        ieeg=find_ieeg(folder, roots, notes),
        resection_mask=surgery.mask,
        postop_t1w=surgery.postop_t1w,
        no_mask=surgery.no_mask,
        no_postop=surgery.no_postop,
        mask_drawn_on=surgery.drawn_on,
        trans=find_trans(folder, meg, roots, notes),
        outcome=find_outcome(bids_dir, label, notes),
        clinical=find_clinical_file(bids_dir, label),
        virtual=is_virtual(bids_dir, label),
        modality=query.modality,
        notes=notes,
    )
    notes += _notes_of_sessions([t1w, *meg, *files.ieeg.electrodes, surgery.mask, files.empty_room])
    return files if follow_links else _without_links_out(files, bids_dir, named, fs_subjects_dir)


def _without_links_out(
    files: PatientFiles, bids_dir: Path, roots: list[Path], fs_subjects_dir: Path | None
) -> PatientFiles:
    """The same without optional files that are links out of `roots`, which is told.

    Raises
    ------
    InvalidInput
        T1w, a recording or its table of events, or FreeSurfer's results that were named, are.
    """
    recordings = chain(*((path, *path.rglob("*"), *companions(path)) for path in files.meg))
    refuse_links_out((files.t1w, *recordings, *filter(None, files.events)), roots)
    notes = list(files.notes)

    def kept(path: Path | None) -> Path | None:
        if path is None or not leads_out(path, roots):
            return path
        notes.append(f"{path.name} was not used: it {LEADS_OUT} (--follow-links allows it).")
        return None

    def all_kept(paths: list[Path]) -> list[Path]:
        return [path for path in paths if kept(path) is not None]

    freesurfer_dir = files.freesurfer_dir
    if freesurfer_dir is not None:
        # A SUBJECTS_DIR is often a folder of links.
        inside = [*roots, *([freesurfer_dir] if fs_subjects_dir else [])]
        outside = [path for path in freesurfer_dir.rglob("*") if leads_out(path, inside)]
        if fs_subjects_dir:
            refuse_links_out(outside, inside)
        freesurfer_dir = kept(outside[0]) if outside else freesurfer_dir
    table = bids_dir / "participants.tsv"
    knows_table = not table.exists() or kept(table) is not None
    electrodes = all_kept(files.ieeg.electrodes)
    mask, postop = kept(files.resection_mask), kept(files.postop_t1w)
    no_contacts, no_mask, no_postop = (
        f"{path.name} {LEADS_OUT}" if path and not is_kept else reason
        for path, is_kept, reason in (
            (next(iter(files.ieeg.electrodes), None), electrodes, files.ieeg.no_contacts),
            (files.resection_mask, mask, files.no_mask),
            (files.postop_t1w, postop, files.no_postop),
        )
    )
    ieeg = IeegFiles(
        electrodes=electrodes,
        channels=all_kept(files.ieeg.channels),
        coordsystem=all_kept(files.ieeg.coordsystem),
        images=all_kept(files.ieeg.images),
        tables_json={path: all_kept(own) for path, own in files.ieeg.tables_json.items()},
        no_contacts=no_contacts,
        unread_marks=files.ieeg.unread_marks,
    )
    kept_files = replace(
        files,
        t1w_json=kept(files.t1w_json),
        freesurfer_dir=freesurfer_dir,
        channels=[kept(path) for path in files.channels],
        events_json=[all_kept(own) for own in files.events_json],
        empty_room=kept(files.empty_room),
        ieeg=ieeg,
        resection_mask=mask,
        postop_t1w=postop,
        no_mask=no_mask,
        no_postop=no_postop,
        trans=kept(files.trans),
        clinical=kept(files.clinical),
        outcome=files.outcome if knows_table else None,
        virtual=files.virtual and knows_table,
    )
    return replace(kept_files, notes=list(dict.fromkeys(notes)))


def _notes_of_sessions(used: list[Path | None]) -> list[str]:
    """A sentence for each file that is named as of another session than the folder that it lies in."""
    return [
        f"{path.name} lies in the folder of ses-{folder_session(path)}: it was taken as of the session "
        "in its name; move it or rename it."
        for path in used
        if path is not None and contradicts_folder(path)
    ]


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


def _derivative_roots(bids_dir: Path, derivatives: dict[str, Path], notes: list[str]) -> list[Path]:
    """The datasets of derivatives that are named or lie in the dataset, none of our own."""
    inside = bids_dir / "derivatives"
    if not is_open(inside):
        notes.append(f"The folder derivatives {CLOSED}: what it holds was not used.")
    roots = [*derivatives.values(), *sorted(inside.glob("*/"))]
    return [root for root in roots if not is_our_output(root)]
