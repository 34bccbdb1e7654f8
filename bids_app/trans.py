"""Find the co-registration that somebody has checked: ``sub-X[_ses-Y][_...]_trans.fif``."""

from pathlib import Path

from bids_app.listing import visible
from pipeline.files import sha256
from pipeline.names import entities_of, session_of


def find_trans(folder: Path, meg: list[Path], roots: list[Path], notes: list[str]) -> Path | None:
    """The transform beside the recordings, else that of a derivative dataset.

    Parameters
    ----------
    folder : Path
        The participant's.
    meg : list of Path
        The recordings; a transform of another session is none of theirs.
    roots : list of Path
        Derivative datasets, without this program's own output.
    notes : list of str
        Gets a sentence on what was chosen, or why nothing was.
    """
    label = folder.name
    for place in ([folder], [root / label for root in roots]):
        found = sorted(
            path
            for root in place
            for path in visible(root, f"**/{label}_*trans.fif")
            if path.name.endswith("_trans.fif") and path.is_file()
        )
        usable = [path for path in found if _may_be_of(path, meg)]
        own = [path for path in usable if _is_of(path, meg[0])] or usable
        if own and len(set(map(sha256, own))) == 1:
            notes.append(f"The co-registration {own[0].name} was found and is used.")
            return own[0]
        if own:
            names = ", ".join(path.name for path in own)
            notes.append(
                f"{len(own)} co-registrations were found ({names}) and none is used: name one with "
                "--trans."
            )
            return None
        if found:
            notes.append(
                f"The co-registration {found[0].name} is of another session, or the recordings are of "
                "several, and is not used."
            )
    return None


def _may_be_of(path: Path, meg: list[Path]) -> bool:
    session = session_of(path)
    return session is None or set(map(session_of, meg)) == {session}


def _is_of(path: Path, recording: Path) -> bool:
    """Whether everything that the name says is true of a recording, but for what describes the file."""
    named = {
        key: value for key, value in entities_of(path.name).items() if key not in ("desc", "space")
    }
    return named.items() <= entities_of(recording.name).items()
