"""Who is in the dataset, and which folders only look as if somebody were."""

import re
from pathlib import Path

from bids_app.clinical import own_rows
from pipeline.errors import InvalidInput, SpikefocusError
from pipeline.files import read_json
from pipeline.names import is_empty_room
from pipeline.tables import read_tsv

_LOOKS_LIKE_PARTICIPANT = re.compile(r"sub(?:[-_ ].*|\d.*)?", re.IGNORECASE | re.DOTALL)


class InvalidDataset(SpikefocusError):
    """The dataset as a whole cannot be read."""


def check_dataset(bids_dir: Path) -> None:
    """Refuse a folder that is not a BIDS dataset."""
    description = bids_dir / "dataset_description.json"
    if not bids_dir.is_dir():
        raise InvalidDataset("The BIDS folder does not exist", file=bids_dir, hint="check the path")
    if not description.is_file():
        raise InvalidDataset(
            "The folder has no dataset_description.json",
            file=bids_dir,
            hint="give the root of a BIDS dataset",
        )
    try:
        read_json(description)
    except InvalidInput as error:
        raise InvalidDataset(error.message, file=description, hint="repair it") from error


def participant_labels(bids_dir: Path) -> list[str]:
    """Labels of all participants but the empty room, sorted."""
    labels = [p.name[4:] for p in bids_dir.glob("sub-*") if p.is_dir()]
    return sorted(label for label in labels if not is_empty_room(label) and is_label(label))


def unusable_participants(bids_dir: Path) -> dict[str, str]:
    """Entries that look like participants but cannot be, and why.

    Returns
    -------
    reasons : dict of str to str
        Name of the entry, as it is on disk, to a sentence without its full stop. Sorted.
    """
    reasons = {}
    for path in sorted(bids_dir.iterdir()):
        if not _LOOKS_LIKE_PARTICIPANT.fullmatch(path.name):
            continue
        label = path.name[4:]
        if path.is_symlink() and not path.exists():
            reasons[path.name] = "it is a link that leads nowhere"
        elif path.is_file() and not path.suffix:
            reasons[path.name] = "it is no folder"
        elif not path.is_dir() or is_empty_room(label):
            continue
        elif not path.name.startswith("sub-"):
            reasons[path.name] = "a participant's folder is named sub- and its label"
        elif not is_label(label):
            reasons[path.name] = "a label has letters and digits only"
    return reasons


def is_label(text: str) -> bool:
    """Whether `text` may stand in a BIDS file name (no path separators, no dots)."""
    return re.fullmatch(r"[0-9A-Za-z+]+", text) is not None


def find_clinical_file(bids_dir: Path, label: str) -> Path | None:
    """``sub-X_clinical.toml`` in the participant's folder or beside it."""
    name = f"sub-{label}_clinical.toml"
    places = (bids_dir / f"sub-{label}" / name, bids_dir / name)
    return next((file for file in places if file.is_file()), None)


def is_virtual(bids_dir: Path, label: str) -> bool:
    """Whether participants.tsv says, in its column ``virtual``, that there is no such person."""
    file = bids_dir / "participants.tsv"
    try:
        table = read_tsv(file, ("participant_id", "virtual"), []) if file.is_file() else None
    except InvalidInput:  # who reads the outcome from it says so
        return False
    if table is None:
        return False
    own = own_rows(table, bids_dir, label)["virtual"]
    return bool(own.str.strip().str.lower().isin(["yes", "y", "true", "1", "1.0"]).any())
