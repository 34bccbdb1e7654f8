"""Find what iEEG left in a BIDS dataset, contacts and the images that they refer to, and the outcome of surgery."""

import re
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pandas as pd

from bids_app.copies import without_copies
from bids_app.listing import CLOSED, is_open, visible
from bids_app.strays import stray_contacts, stray_marks
from pipeline.compare.config import NO_CONTACTS
from pipeline.compare.frames import intended_names, is_ct, suffix_of
from pipeline.errors import InvalidInput
from pipeline.files import read_metadata
from pipeline.names import NIFTI, entities_of, participant_key, participant_label
from pipeline.sidecars import applicable, nearest
from pipeline.tables import NOT_GIVEN, read_tsv

_GRADE = re.compile(r"\b(i{1,3}|iv|[1-4])\s+([a-d]\d?)\b")
_OUTCOME_WORDS = frozenset(
    "engel ilae class grade yes no true false s f success failure successful failed seizure seizures "
    "free not improved improvement worthwhile unchanged worse good poor excellent bad recurrence".split()
)


@dataclass(frozen=True)
class IeegFiles:
    """Files of the iEEG.

    Attributes
    ----------
    electrodes, channels, coordsystem : list of Path
    images : list of Path
        Images that the coordinates may refer to: CTs, and what ``IntendedFor`` names.
    tables_json : dict of Path to list of Path
        Sidecars of the tables, the most specific first.
    no_contacts : str
        Why there are no electrodes.
    unread_marks : str
        Names of tables elsewhere that seem to hold marks; empty for none.
    """

    electrodes: list[Path]
    channels: list[Path]
    coordsystem: list[Path]
    images: list[Path]
    tables_json: dict[Path, list[Path]]
    no_contacts: str = NO_CONTACTS
    unread_marks: str = ""

    @property
    def all_files(self) -> list[Path]:
        sidecars = chain(*self.tables_json.values())
        return [*self.electrodes, *self.channels, *self.coordsystem, *self.images, *sidecars]


def find_ieeg(folder: Path, roots: list[Path], notes: list[str]) -> IeegFiles:
    """Find a participant's iEEG files: those in its ``ieeg`` folders, and those inherited.

    Parameters
    ----------
    folder : Path
        The participant's folder, in the dataset's root.
    roots : list of Path
        Derivative datasets, which may hold the images that ``IntendedFor`` names.
    notes : list of str
        Gets a sentence for each file that is named for somebody else.
    """

    def listed(place: Path, pattern: str) -> list[Path]:
        return _of(folder, visible(place, pattern), notes)

    root = folder.parent
    own = _folders_above_ieeg(folder)
    tables = visible(folder, "**/ieeg/*_electrodes.tsv")
    electrodes = _of(folder, tables, notes)
    electrodes += [path for level in own for path in listed(level, "*_electrodes.tsv")]
    recordings = listed(folder, "**/ieeg/*_ieeg.*")
    inherited = [nearest(path, "channels", ".tsv", root) for path in recordings]
    stray = stray_contacts(folder, [*tables, *electrodes], roots)
    notes += [
        f"{path.name} was not used: it is no electrodes.tsv among the dataset's own files of iEEG."
        for path in stray
    ]
    channels = sorted(
        {
            *(path for path in inherited if path is not None),
            *listed(folder, "**/ieeg/*_channels.tsv"),
        }
    )
    unread = [
        path for path in stray_marks(folder, [*electrodes, *channels], roots) if path not in stray
    ]
    notes += [
        f"{path.name} in {path.parent.name} seems to mark seizure onset or resection and was not read: it is "
        "no table among the dataset's own files of iEEG."
        for path in unread
    ]
    coordsystem = listed(folder, "**/ieeg/*_coordsystem.json")
    for level in own if electrodes else []:
        coordsystem += filter(_of_ieeg, listed(level, "*coordsystem.json"))
    if electrodes:  # above the participants others have theirs, too
        coordsystem += filter(_of_ieeg, _of(folder, visible(root, "*coordsystem.json"), []))
    return IeegFiles(
        electrodes=sorted(electrodes),
        channels=channels,
        coordsystem=sorted(coordsystem),
        images=without_copies(_images_meant(folder, coordsystem, roots), notes)
        if electrodes
        else [],
        tables_json={
            path: applicable(path, suffix, ".json", root)
            for suffix, paths in (("electrodes", electrodes), ("channels", channels))
            for path in paths
        },
        no_contacts=_no_contacts(folder, tables, stray),
        unread_marks=", ".join(dict.fromkeys(path.name for path in unread)),
    )


def _no_contacts(folder: Path, tables: list[Path], stray: list[Path]) -> str:
    """Why there are no contacts, if there are none."""
    closed = [path for path in visible(folder, "**/ieeg") if not is_open(path)]
    if closed:
        return f"the folder {closed[0].name} {CLOSED}"
    if tables:
        return f"{tables[0].name} is not named for {folder.name}"
    if stray:
        return f"{stray[0].name} is no electrodes.tsv among the dataset's own files of iEEG"
    return NO_CONTACTS


def _of(folder: Path, paths: list[Path], notes: list[str]) -> list[Path]:
    """Those that are not named for another participant: whose contacts they are would be a guess."""
    own = participant_key(folder.name)
    kept = [path for path in paths if participant_key(_participant(path) or folder.name) == own]
    notes += [
        text
        for path in paths
        if path not in kept
        and (text := f"{path.name} was passed over: it is not named for {folder.name}.")
        not in notes
    ]
    return kept


def _participant(path: Path) -> str | None:
    return entities_of(path.name).get("sub")


def _folders_above_ieeg(folder: Path) -> list[Path]:
    """The participant's folder and those of its sessions with iEEG; none where there is no iEEG."""
    holding = {path.parent for path in visible(folder, "**/ieeg")}
    return sorted(holding | {folder}) if holding else []


def _images_meant(folder: Path, coordsystem: list[Path], roots: list[Path]) -> list[Path]:
    """CTs, images that ``IntendedFor`` names, and what may stand for a named one that is not there.

    Of images of one name, the dataset's own before a derivative's.
    """
    named = {name for path in coordsystem for name in _intended(path)}
    images: dict[str, Path] = {}
    key = participant_key(folder.name)
    for parent in (folder, *(root / folder.name for root in roots)):
        for path in visible(parent, "**/*.nii*"):
            its = _participant(path) or folder.name
            is_own_ct = parent == folder and is_ct(path) and participant_key(its) == key
            wanted = path.name in named or is_own_ct
            if path.name.endswith(NIFTI) and wanted:
                images.setdefault(path.name, path)
    for kind in {suffix_of(name) for name in named - images.keys()}:
        for path in visible(folder, f"**/*_{kind}.nii*"):
            if path.name.endswith(NIFTI):
                images.setdefault(path.name, path)
    return sorted(images.values())


def _of_ieeg(coordsystem: Path) -> bool:
    """Whether a file above the ``ieeg`` folder speaks of iEEG; a broken one may, as will be said."""
    try:
        return any(key.startswith("iEEG") for key in read_metadata(coordsystem))
    except (OSError, InvalidInput):
        return True


def _intended(coordsystem: Path) -> list[str]:
    """Names in ``IntendedFor``; none where the file is broken, which the compare stage will say."""
    try:
        return intended_names(read_metadata(coordsystem))
    except (OSError, InvalidInput):
        return []


def find_outcome(bids_dir: Path, label: str, notes: list[str]) -> str | None:
    """What ``participants.tsv`` says about the outcome of surgery; None where nothing."""
    table = bids_dir / "participants.tsv"
    if not table.is_file():
        return None
    try:
        rows = read_tsv(table, ("participant_id",), notes)
    except InvalidInput as error:
        notes.append(f"The outcome is not known: {error.reason}.")
        return None
    of_outcome = [
        name
        for name in rows
        if "outcome" in name or "engel" in name or name in ("ilae", "seizure_free")
    ]
    own = own_rows(rows, bids_dir, label)
    if of_outcome and len(own) != 1:
        n_rows = f"{len(own)} rows" if len(own) else "no row"
        notes.append(f"participants.tsv has {n_rows} of sub-{label}: the outcome is not known.")
    if len(own) != 1:
        return None
    stated = {
        name: text
        for name, text in own[of_outcome].iloc[0].items()
        if text.lower() not in NOT_GIVEN
    }
    outcomes = {name: text for name, text in stated.items() if _is_outcome(text)}
    if len(outcomes) < len(stated):
        notes.append(
            f"{len(stated) - len(outcomes)} outcomes in participants.tsv are in words of their "
            "own, which are not repeated here."
        )
    return "; ".join(f"{name.replace('_', ' ')}: {text}" for name, text in outcomes.items()) or None


def own_rows(rows: pd.DataFrame, bids_dir: Path, label: str) -> pd.DataFrame:
    """The participant's rows of ``participants.tsv``: as written, else those that only this participant can be meant by."""
    own = rows[rows["participant_id"].map(participant_label) == label]
    key = participant_key(label)
    folders = [path.name for path in visible(bids_dir, "sub-*") if path.is_dir()]
    if len(own) or sum(participant_key(name) == key for name in folders) != 1:
        return own
    return rows[rows["participant_id"].map(participant_key) == key]


def _is_outcome(text: str) -> bool:
    """Whether a cell holds a grade or a usual word: free text may hold a name or a date."""
    joined = _GRADE.sub(r"\1\2", text.strip().lower())  # "Engel I A"
    words = re.split(r"[\s:;,_-]+", joined)
    return len(words) <= 6 and all(
        word in _OUTCOME_WORDS or re.fullmatch(r"(?:i{1,3}|iv|v|vi|\d)[a-d]?\d?", word)
        for word in words
    )
