"""Files that look like a participant's contacts or resection mask and are not read: each is told by name."""

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from bids_app.listing import visible
from pipeline.compare.contact_names import IEEG_TYPES
from pipeline.compare.labels import ContactLabels
from pipeline.compare.marks import unread_columns
from pipeline.errors import InvalidInput
from pipeline.files import read_metadata
from pipeline.modality import datatypes
from pipeline.names import NIFTI, participant_key
from pipeline.tables import read_tsv

_OF_TABLES = (".tsv", ".csv", ".txt", ".xlsx", ".xls", ".ods", ".gz", ".mat")
_OF_CONTACTS = re.compile("electrode|contact|elec(?![a-z])")
# Of electrodes in the head, by BIDS's column type of electrodes.tsv.
_IMPLANTED = {"depth", "strip", "grid"}


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
        own += [
            path
            for path in visible(folder, "**/*")
            if _is_of_contacts(path) and path.parent.name != "ieeg"
            # EEG has electrodes of its own, also beside MEG.
            if path.parent.name not in datatypes() or _is_implanted(path)
        ]
        own += [
            path
            for root in roots
            for path in visible(root / folder.name, "**/*")
            if _is_of_contacts(path)
        ]
    return [path for path in own if path not in read]


def stray_marks(folder: Path, read: list[Path], roots: list[Path]) -> list[Path]:
    """Tables of channels or electrodes that seem to mark seizure onset or resection, and are none that is read.

    Parameters
    ----------
    folder, read, roots
        As for `stray_contacts`.
    """
    return [
        path
        for place in (folder, *(root / folder.name for root in roots))
        for path in visible(place, "**/*.tsv")
        if path not in read and path.stem.lower().endswith(("channels", "electrodes"))
        if (table := _table(path)) is not None and _marked(table)
    ]


def _is_implanted(path: Path) -> bool:
    """Whether electrodes among the data of EEG or MEG are contacts in the head, by their table or those beside it."""
    table = _table(path)
    if table is not None and (_marked(table) or _says(table, _IMPLANTED)):
        return True
    channels = map(_table, visible(path.parent, "*_channels.tsv"))
    if any(_says(each, IEEG_TYPES) for each in channels if each is not None):
        return True
    try:
        systems = [read_metadata(each) for each in visible(path.parent, "*_coordsystem.json")]
    except (OSError, InvalidInput):  # whoever uses it says so
        return False
    return any(key.startswith("iEEG") for system in systems for key in system)


def _table(path: Path) -> pd.DataFrame | None:
    """What a table that may be read holds; None where it cannot be."""
    try:
        return read_tsv(path, (), [])
    except InvalidInput:
        return None


def _marked(table: pd.DataFrame) -> bool:
    return bool(unread_columns({"": table}, ContactLabels()))


def _says(table: pd.DataFrame, types: set[str]) -> bool:
    return "type" in table and bool(table["type"].str.strip().str.lower().isin(types).any())


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
