"""Which T1-weighted image the head model is made from, and where its landmarks are written."""

import re
from pathlib import Path

from bids_app.dataset.links import absent_part
from bids_app.dataset.query import Query
from bids_app.listing import visible
from pipeline.compare.frames import has_contrast, in_template, is_postoperative
from pipeline.errors import InvalidInput
from pipeline.files import read_metadata
from pipeline.headmodel.t1w import open_t1w
from pipeline.names import contradicts_folder, entities_of, participant_key, session_of
from pipeline.sidecars import applicable, nearest

_ENDINGS = ("_t1w.nii", "_t1w.nii.gz")
_DEFACED = re.compile(
    r"_(?:rec|acq|desc|proc)-[a-z0-9]*(?:deface|deid|skullstrip|brain)", re.IGNORECASE
)
_OF_MP2RAGE = re.compile(r"_(?:UNIT1|MP2RAGE)\.nii(?:\.gz)?$", re.IGNORECASE)
# Images that are called so, in whatever format.
_OF_T1W = re.compile(r"_T1w?(?:\.(?!json$|tsv$|bval$|bvec$)[a-z0-9]+)+$", re.IGNORECASE)
_NOT_MAGNITUDE = ("phase", "real", "imag")
ORDER = (
    "of a session asked for, before surgery, in no template's space, of one session by name and "
    "folder, an image of a whole head by its header, of the MEG's session, without contrast medium, not defaced, with the fewest parts in its name"
)


def find_t1w(folder: Path, meg: list[Path], query: Query, notes: list[str]) -> Path:
    """Find the T1-weighted image; of several the first in the order that `ORDER` states.

    Parameters
    ----------
    folder : Path
        The participant's.
    meg : list of Path
        The recordings, whose sessions are preferred.
    query : Query
    notes : list of str
        Gets a sentence for what the reader must know of the choice.

    Raises
    ------
    InvalidInput
        There is none, or its content is not here.
    """
    found = _candidates(folder, query, notes)
    if not found:
        raise _none_found(folder)
    problems = {path: _problem(path) for path in found}
    asked = {*query.sessions, None}
    of_meg = {*map(session_of, meg), None}

    def rank(path: Path) -> tuple:
        session = session_of(path)
        return (
            bool(query.sessions) and session not in asked,
            is_postoperative(path),
            absent_part(path) is not None,
            in_template(path),
            contradicts_folder(path),
            bool(problems[path]),
            session not in of_meg,
            has_contrast(path),
            bool(_DEFACED.search(path.name)),
            len(entities_of(path.name)),
            path,
        )

    chosen = min(found, key=rank)
    _, after_surgery, _, deformed, _, _, elsewhere, contrast, *_ = rank(chosen)
    absent = absent_part(chosen)
    if absent is not None:
        raise absent
    if after_surgery:
        notes.append(f"The T1-weighted MRI {chosen.name} is named as a post-operative one.")
    elif (n := sum(not is_postoperative(path) for path in found)) > 1:
        notes.append(
            f"{n} T1-weighted MRIs were found; {chosen.name} was used, the first in the order: "
            f"{ORDER}. Another one is chosen with --bids-filter-file."
        )
    if not problems[chosen]:
        notes += [
            f"{path.name} was passed over: {problem}."
            for path, problem in problems.items()
            if problem
        ]
    if deformed:
        notes.append(
            f"The T1-weighted MRI {chosen.name} is named as in a template's space: if it was fitted to "
            "one, distances and places in it are not the head's."
        )
    if elsewhere:
        notes.append(
            f"The T1-weighted MRI {chosen.name} is of another session than the MEG, which has none."
        )
    if contrast:
        notes.append(f"The T1-weighted MRI {chosen.name} is named as one with contrast medium.")
    return chosen


def _candidates(folder: Path, query: Query, notes: list[str]) -> list[Path]:
    """The participant's T1w images that the filters let through; told are those of somebody else."""
    images = [
        path
        for path in visible(folder, "**/anat/*")
        if _is_t1w(path)
        and entities_of(path.name).get("part") not in _NOT_MAGNITUDE
        and query.wants_t1w(path)
    ]
    own = participant_key(folder.name)
    found = [p for p in images if participant_key(entities_of(p.name).get("sub", "")) == own]
    notes += [
        f"{path.name} was passed over: it is not named for {folder.name}."
        for path in images
        if path not in found
    ]
    return found


def _is_t1w(path: Path) -> bool:
    return path.name.lower().endswith(_ENDINGS)


def _problem(path: Path) -> str:
    """Why an image cannot be used by its header; empty if it can."""
    try:
        open_t1w(path)
    except InvalidInput as error:
        return error.message
    return ""


def _none_found(folder: Path) -> InvalidInput:
    """That there is no T1w, and what is there of an MP2RAGE, in another format or in another folder instead."""
    parts = [path.name for path in visible(folder, "**/anat/*") if _OF_MP2RAGE.search(path.name)]
    told = f"; what is there are parts of an MP2RAGE ({', '.join(parts)})" if parts else ""
    such = ", such as the UNIT1 image with its background removed," if parts else ""
    others = [
        path.relative_to(folder).as_posix()
        for path in visible(folder, "**/*")
        if _OF_T1W.search(path.name) and (path.parent.name != "anat" or not _is_t1w(path))
    ]
    if others:
        told += f"; passed over were {', '.join(others[:5])}, which are no NIfTI in such a folder"
    return InvalidInput(
        f"No T1-weighted MRI was found in any anat folder{told}",
        file=folder,
        hint=f"add a *_T1w.nii.gz{such} or widen the filter options",
    )


def find_t1w_json(t1w: Path, folder: Path, notes: list[str]) -> Path | None:
    """The sidecar with the landmarks, by inheritance; else the most specific one.

    Parameters
    ----------
    t1w : Path
    folder : Path
        The participant's.
    notes : list of str
        Gets a sentence where the landmarks may be those of another image.
    """
    bids_dir = folder.parent
    for sidecar in applicable(t1w, "T1w", ".json", bids_dir):
        try:
            if "AnatomicalLandmarkCoordinates" in read_metadata(sidecar):
                notes += _note_of_shared(sidecar, t1w, folder)
                return sidecar
        except (InvalidInput, OSError):
            return sidecar  # what is wrong with it is said where it is read
    return nearest(t1w, "T1w", ".json", bids_dir)


def _note_of_shared(sidecar: Path, t1w: Path, folder: Path) -> list[str]:
    """A sentence where a sidecar with landmarks, which are voxels of one image, applies to others, too."""
    others = [
        path
        for path in visible(folder, "**/anat/*")
        if _is_t1w(path)
        and path != t1w
        and sidecar in applicable(path, "T1w", ".json", folder.parent)
    ]
    whose = f"{len(others) + 1} T1-weighted MRIs"
    if "sub" not in entities_of(sidecar.name):
        whose = "the T1-weighted MRIs of every participant"
    elif not others:
        return []
    return [
        f"The landmarks of {sidecar.name} apply to {whose} by its name, and are voxels of one: they may be "
        f"those of another than {t1w.name}."
    ]
