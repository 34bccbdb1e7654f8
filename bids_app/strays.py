"""Files that look like a participant's contacts or resection mask and are not read: each is told by name."""

import re
from collections.abc import Callable
from pathlib import Path

from bids_app.listing import visible
from pipeline.modality import datatypes
from pipeline.names import NIFTI, participant_key

_OF_TABLES = (".tsv", ".csv", ".txt", ".xlsx", ".xls", ".ods", ".gz", ".mat")
_OF_CONTACTS = re.compile("electrode|contact|elec(?![a-z])")


def stray_contacts(folder: Path, read: list[Path], roots: list[Path]) -> list[Path]:
    """Tables among a participant's files that are named like contacts' and are none that is read.

    Where none is read, in whatever folder they lie.

    Parameters
    ----------
    folder : Path
        The participant's.
    read : list of Path
        Tables that are found by their names.
    roots : list of Path
        Derivative datasets, looked through where the participant's folder has none.
    """
    own = [path for path in visible(folder, "**/ieeg/*") if _is_of_contacts(path)]
    if not read:
        # EEG has electrodes of its own, also beside MEG.
        own += [
            path
            for path in visible(folder, "**/*")
            if _is_of_contacts(path) and path.parent.name not in ("ieeg", *datatypes())
        ]
        own += [
            path
            for root in roots
            for path in visible(root / folder.name, "**/*")
            if _is_of_contacts(path)
        ]
    return [path for path in own if path not in read]


def _is_of_contacts(path: Path) -> bool:
    return path.suffix.lower() in _OF_TABLES and bool(_OF_CONTACTS.search(path.name.lower()))


def stray_masks(label: str, roots: list[Path], is_mask: Callable[[Path], bool]) -> list[Path]:
    """Masks in derivative datasets that are not named for the participant, but may be meant so.

    They lie in the participant's folder, or in one by another spelling of the label.

    Parameters
    ----------
    label : str
    roots : list of Path
    is_mask : callable
        Whether a file is one by its name.
    """
    key = participant_key(label)
    folders = [
        folder
        for root in dict.fromkeys(roots)
        for folder in visible(root, "*")
        if folder.is_dir() and participant_key(folder.name) == key
    ]
    return [
        path
        for folder in folders
        for path in visible(folder, "**/*")
        if path.name.lower().endswith(NIFTI) and is_mask(path)
        if folder.name != f"sub-{label}" or not _is_read(path, label)
    ]


def _is_read(path: Path, label: str) -> bool:
    return path.name.startswith(f"sub-{label}_") and path.name.endswith(NIFTI)
