"""Find what surgery and iEEG left in a BIDS dataset: contacts, CT, resection mask, outcome."""

import re
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pandas as pd

from bids_app.listing import visible
from bids_app.strays import stray_contacts, stray_masks
from pipeline.compare.config import NO_CONTACTS, NO_MASK, NO_POSTOP
from pipeline.compare.frames import (
    has_contrast,
    in_template,
    intended_names,
    is_ct,
    is_postoperative,
    of_other_head,
    operation_labels,
    suffix_of,
)
from pipeline.compare.postop import drawn_on, sources_of
from pipeline.errors import InvalidInput
from pipeline.files import read_metadata
from pipeline.names import NIFTI, entities_of, participant_key, participant_label, session_of
from pipeline.sidecars import applicable, nearest
from pipeline.tables import NOT_GIVEN, read_tsv

_SCANS = frozenset("T1w T2w PDw FLAIR T2starw inplaneT1 inplaneT2 ct pet bold sbref dwi".split())
# What masks of operations are called: whole words where parts of other things are called alike (nasal cavity).
_RESECTION = re.compile(".*resect.*")
_CAVITY = re.compile(r"(surgical|surgery|postop)?(cavity|ablation|ablated)(zone)?\d*")
_OF_IMAGE = ("sub", "ses", "acq", "rec", "space")
# Of what was to be done, or might be; of what was left, or the same place on the other side.
_NOT_DONE = re.compile(
    ".*(plan(?!um|e$|t)|proposed|virtual|simulat|target|resectable|(non|not|un|pre|tobe|(?<!au)to)-?resect|"
    "mirror|flip|contralateral|homotop).*"
)
# Formats of masks that are not read.
_OTHER_FORMATS = (".mgz", ".mgh", ".nrrd", ".seg.nrrd", ".mif", ".mif.gz", ".img", ".mha", ".dcm")
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
    """

    electrodes: list[Path]
    channels: list[Path]
    coordsystem: list[Path]
    images: list[Path]
    tables_json: dict[Path, list[Path]]
    no_contacts: str = NO_CONTACTS

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
    coordsystem = listed(folder, "**/ieeg/*_coordsystem.json")
    for level in own if electrodes else []:
        coordsystem += filter(_of_ieeg, listed(level, "*coordsystem.json"))
    if electrodes:  # above the participants others have theirs, too
        coordsystem += filter(_of_ieeg, _of(folder, visible(root, "*coordsystem.json"), []))
    return IeegFiles(
        electrodes=sorted(electrodes),
        channels=channels,
        coordsystem=sorted(coordsystem),
        images=_images_meant(folder, coordsystem, roots) if electrodes else [],
        tables_json={
            path: applicable(path, suffix, ".json", root)
            for suffix, paths in (("electrodes", electrodes), ("channels", channels))
            for path in paths
        },
        no_contacts=_no_contacts(folder, tables, stray),
    )


def _no_contacts(folder: Path, tables: list[Path], stray: list[Path]) -> str:
    """Why there are no contacts, if there are none."""
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


@dataclass(frozen=True)
class SurgeryFiles:
    """Images of the operation.

    Attributes
    ----------
    mask, postop_t1w : Path or None
        The resection mask, and the T1w on which it may have been drawn.
    no_mask, no_postop : str
        Why there is none.
    """

    mask: Path | None = None
    postop_t1w: Path | None = None
    no_mask: str = NO_MASK
    no_postop: str = NO_POSTOP


def find_surgery(
    label: str, bids_dir: Path, roots: list[Path], t1w: Path, notes: list[str]
) -> SurgeryFiles:
    """Find the resection mask and, in the dataset or a derivative, the post-operative T1w.

    Of several masks the only one in the pre-operative space is taken, of several T1w images one of
    the session on which the mask was drawn.

    Parameters
    ----------
    label : str
    bids_dir : Path
    roots : list of Path
        Derivative datasets.
    t1w : Path
        The one of the head model.
    notes : list of str
        Gets a sentence for each choice.
    """
    for places in (roots, [bids_dir]):  # of a dataset's own images only where no derivative has one
        mask, no_mask = _resection_mask(label, places, notes)
        if mask is not None or no_mask != NO_MASK:
            break
    stray = stray_masks(label, roots, lambda path: _tells(path, _RESECTION, _CAVITY))
    notes += [f"{path.name} was passed over: it is not named for sub-{label}." for path in stray]
    if mask is None and no_mask == NO_MASK and stray:
        no_mask = f"{stray[0].name} is not named for sub-{label}"
    if mask is None:
        return SurgeryFiles(no_mask=no_mask)
    images = [
        path
        for path in _images(label, [bids_dir, *roots])
        if suffix_of(path.name) == "T1w" and is_postoperative(path) and not in_template(path)
        if path != t1w
    ]
    named = [name for name in sources_of(mask) if is_postoperative(Path(name))]
    if named:
        images = [path for path in images if _occasion(path) in map(_occasion, map(Path, named))]
    if named and not images:
        return SurgeryFiles(mask, no_postop=f"there is no T1w of the session of {named[0]}")
    if len(images) < 2:
        return SurgeryFiles(mask, next(iter(images), None))
    drawn = drawn_on(mask, images)
    meant = drawn or images
    meant = [path for path in meant if _occasion(path) == _occasion(mask)] or meant
    if len(set(map(_occasion, meant))) > 1:
        reason = (
            f"{len(meant)} post-operative T1w images were found, and on which the mask was drawn is "
            f"not said: {', '.join(path.name for path in meant)}"
        )
        if drawn and not drawn_on(mask, [t1w]):
            return SurgeryFiles(no_mask=f"the resection mask is in their space: {reason}")
        return SurgeryFiles(mask, no_postop=reason)
    chosen = min(meant, key=has_contrast)
    notes.append(
        f"{len(images)} post-operative T1w images were found; where one is needed, {chosen.name} is used."
    )
    return SurgeryFiles(mask, chosen)


def _resection_mask(label: str, roots: list[Path], notes: list[str]) -> tuple[Path | None, str]:
    images = [path for path in _images(label, roots) if _tells(path, _RESECTION, _CAVITY)]
    undone = [path for path in images if _tells(path, _NOT_DONE)]
    notes += [
        f"{path.name} was passed over: by its name it is not of what was resected."
        for path in undone
    ]
    notes += [
        f"{path.name} was passed over: a mask is read as NIfTI alone."
        for path in _images(label, roots, _OTHER_FORMATS)
        if _tells(path, _RESECTION, _CAVITY)
    ]
    done = [path for path in images if path not in undone]
    elsewhere = [path for path in done if of_other_head(path)]
    done = [path for path in done if path not in elsewhere]
    told = [f"{path.name} is in the space of a template, not of this head" for path in elsewhere]
    if told and not done:
        return None, "; ".join(told)
    notes += [f"{text}: it was passed over." for text in told]
    masks = [path for path in done if _tells(path, _RESECTION)]
    if done and not masks:
        masks = done
        notes += [f"{path.name} is taken for the resection mask, by its name." for path in masks]
    preoperative = [path for path in masks if not is_postoperative(path)]
    if len(masks) > 1 and len(preoperative) == 1:
        notes.append(
            f"{len(masks)} resection masks were found; {preoperative[0].name}, which is not in "
            "post-operative space, was used."
        )
        masks = preoperative
    if len(masks) > 1:
        names = ", ".join(path.name for path in masks)
        return (
            None,
            f"{len(masks)} resection masks were found, and which is meant is not said: {names}",
        )
    return (masks[0] if masks else None), NO_MASK


def _tells(path: Path, *patterns: re.Pattern) -> bool:
    """Whether a mask's name has such a word, other than of when or how the image was made."""
    if suffix_of(path.name) in _SCANS:
        return False
    parts = [part.partition("-") for part in path.name.split(".")[0].lower().split("_")]
    words = [word for key, _, value in parts if key not in _OF_IMAGE for word in (key, value)]
    return any(pattern.fullmatch(word) for pattern in patterns for word in words)


def _occasion(path: Path) -> tuple:
    """When an image was made: those of one session share the scanner's space."""
    return session_of(path), operation_labels(path)


def _images(label: str, roots: list[Path], endings: tuple[str, ...] = NIFTI) -> list[Path]:
    """The participant's images, NIfTI unless other formats are asked for, the first root's first."""
    return [
        path
        for root in dict.fromkeys(roots)
        for path in visible(root / f"sub-{label}", "**/*")
        if path.name.startswith(f"sub-{label}_") and path.name.endswith(endings)
    ]


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
