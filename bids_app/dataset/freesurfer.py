"""Where FreeSurfer, FastSurfer, fMRIPrep and MNE-BIDS-Pipeline leave a participant's surfaces."""

import re
from pathlib import Path

from bids_app.dataset.links import absent_part
from pipeline.errors import InvalidInput
from pipeline.headmodel.freesurfer import files_read, missing_files
from pipeline.names import entities_of, session_of

# Below a derivative dataset: FreeSurfer's own, MNE-BIDS-Pipeline's, fMRIPrep's of old.
_OF_DERIVATIVE = ("", "subjects", "freesurfer", "freesurfer/subjects")
_OF_SOURCEDATA = (
    "sourcedata/freesurfer",
    "sourcedata/freesurfer/subjects",
    "sourcedata/fastsurfer",
)


def find_freesurfer(
    bids_dir: Path,
    t1w: Path,
    sessions: tuple[str, ...],
    roots: list[Path],
    subjects_dir: Path | None,
    notes: list[str],
) -> Path | None:
    """The participant's complete results; None for the template head model.

    Looked through in this order: the derivatives named on the command line, those in the dataset
    (FreeSurfer's before others), the dataset's ``sourcedata``. In each of them first what is of the
    T1w's session, then of the sessions asked for, then of none; longitudinal results last.

    Parameters
    ----------
    bids_dir, t1w : Path
    sessions : tuple of str
        Sessions asked for.
    roots : list of Path
        Derivative datasets.
    subjects_dir : Path or None
        FreeSurfer's ``SUBJECTS_DIR``, if it was named: then nothing else is looked through.
    notes : list of str
        Gets a sentence for each choice, and for results that cannot be used.

    Raises
    ------
    InvalidInput
        Nothing usable in a `subjects_dir` that was named.
    """
    label, session = entities_of(t1w.name)["sub"], session_of(t1w)
    parents = _parents(bids_dir, roots) if subjects_dir is None else [subjects_dir]
    usable, problems = [], []
    for folder in (
        each for parent in parents for each in _results(parent, label, session, sessions)
    ):
        problem = _problem(folder, session)
        if problem is None:
            usable.append(folder)
        elif not usable:
            problems.append(f"FreeSurfer's results in {_told(folder)} {problem}")
    if subjects_dir is not None and not usable:
        raise InvalidInput(
            problems[0] if problems else f"FreeSurfer's folder of sub-{label} was not found",
            file=subjects_dir,
            hint="check --fs-subjects-dir, or leave it out to use the template head model",
        )
    used = f"{_told(usable[0])} is used" if usable else "the template head model is used"
    notes += [f"{problem}; {used}." for problem in problems]
    if len(usable) > 1:
        others = ", ".join(map(_told, usable[1:]))
        notes.append(f"{len(usable)} FreeSurfer results were found: {used}, not {others}.")
    return usable[0] if usable else None


def _parents(bids_dir: Path, roots: list[Path]) -> list[Path]:
    """Folders that may be a ``SUBJECTS_DIR``, each once."""
    named = [root for root in roots if not root.is_relative_to(bids_dir)]
    within = sorted(
        (root for root in roots if root.is_relative_to(bids_dir)),
        key=lambda root: "freesurfer" not in root.name.lower(),
    )
    possible = [
        root / below
        for root in (*named, *within, bids_dir)
        for below in (*(() if root == bids_dir else _OF_DERIVATIVE), *_OF_SOURCEDATA)
    ]
    return [folder for folder in dict.fromkeys(possible) if folder.is_dir()]


def _results(
    parent: Path, label: str, session: str | None, sessions: tuple[str, ...]
) -> list[Path]:
    """The participant's folders with surfaces, the preferred one first."""
    name = re.compile(
        rf"(sub-)?{re.escape(label)}(_[a-z]+-[0-9A-Za-z+]+)*(_T1w)?(\.(long|cross)\..+)?"
    )
    deeper = parent.glob(f"sub-{label}/ses-*/sub-{label}_ses-*")
    order = [session, *sessions, None]

    def rank(folder: Path) -> tuple:
        its_session = _session_of(folder)
        place = order.index(its_session) if its_session in order else len(order)
        return "." in folder.name, place, not folder.name.startswith("sub-"), folder.name

    found = [
        folder
        for folder in (*parent.iterdir(), *deeper)
        if name.fullmatch(folder.name) and (folder / "surf").is_dir()
    ]
    return sorted(found, key=rank)


def _problem(folder: Path, session: str | None) -> str | None:
    """Why results cannot be used; None if they can."""
    missing = missing_files(folder)
    for file in (*(folder / name for name in missing), *filter(Path.exists, files_read(folder))):
        absent = absent_part(file)
        if absent is not None:
            where = (absent.file or file).name
            return f"are not here ({where}: {absent.message}; {absent.hint})"
    if missing:
        return f"are incomplete ({missing[0]} is missing)"
    its_session = _session_of(folder)
    if None not in (session, its_session) and its_session != session:
        return f"are of session {its_session}, and the T1-weighted MRI is of session {session}"
    return None


def _session_of(folder: Path) -> str | None:
    return entities_of(folder.name.split(".")[0]).get("ses")


def _told(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"
