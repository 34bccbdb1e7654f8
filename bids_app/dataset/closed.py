"""Folders that this user may not list: what they hold looks as if it were not there."""

import os
from pathlib import Path

from bids_app.listing import CLOSED, is_open
from pipeline.errors import InvalidInput
from pipeline.modality import datatypes

# Of BIDS, whose folders of recordings are called as the modalities are here.
_NEEDED = ("anat", *datatypes())


def closed_folders(folder: Path) -> list[Path]:
    """A folder and those below it that cannot be listed."""
    closed: list[Path] = []
    for _ in os.walk(folder, onerror=lambda error: closed.append(Path(error.filename))):
        pass
    return [path for path in closed if path.exists()]


def notes_of_closed(folder: Path) -> list[str]:
    """A sentence for each closed folder of a participant that may hold optional files.

    Raises
    ------
    InvalidInput
        The participant's folder, or one of a session, of images or of recordings is closed.
    """
    closed = closed_folders(folder)
    for path in closed:
        if path == folder or path.name.startswith("ses-") or path.name in _NEEDED:
            raise InvalidInput(
                f"the folder {CLOSED}",
                file=path,
                hint="give this user the right to read and open it",
            )
    return [f"The folder {path.name} {CLOSED}: what it holds was not used." for path in closed]


def open_roots(roots: list[Path], label: str, notes: list[str]) -> list[Path]:
    """The derivative datasets that can be listed, told where one or a participant's part of it cannot."""
    usable = [root for root in roots if is_open(root)]
    closed = [root for root in roots if root not in usable]
    within = (path for root in usable for path in closed_folders(root / f"sub-{label}"))
    notes += [
        f"The folder {path.parent.name}/{path.name} {CLOSED}: what it holds was not used."
        for path in (*closed, *within)
    ]
    # An open folder of a closed one cannot be reached, nor one whose participant is closed.
    return [root for root in usable if is_open(root / f"sub-{label}")]
