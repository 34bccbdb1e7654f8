"""Find what surgery and iEEG left in a BIDS dataset: contacts, CT, resection mask, outcome."""

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.compare.config import NO_MASK, NO_POSTOP
from pipeline.compare.frames import intended_names, is_ct, is_postoperative, suffix_of
from pipeline.compare.postop import drawn_on
from pipeline.errors import InvalidInput
from pipeline.files import read_metadata
from pipeline.names import participant_label
from pipeline.tables import NOT_GIVEN, read_tsv

_NIFTI = (".nii", ".nii.gz")
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
    """

    electrodes: list[Path]
    channels: list[Path]
    coordsystem: list[Path]
    images: list[Path]


def find_ieeg(folder: Path, roots: list[Path]) -> IeegFiles:
    """Find a participant's iEEG files.

    Parameters
    ----------
    folder : Path
        The participant's folder.
    roots : list of Path
        Derivative datasets, which may hold the images that ``IntendedFor`` names.
    """
    coordsystem = sorted(folder.glob("**/ieeg/*_coordsystem.json"))
    named = {name for path in coordsystem for name in _intended(path)}
    electrodes = sorted(folder.glob("**/ieeg/*_electrodes.tsv"))
    images = {}
    if electrodes:
        # Of images of one name, the dataset's own before a derivative's.
        for parent in (folder, *(root / folder.name for root in roots)):
            for path in sorted(parent.glob("**/*.nii*")):
                wanted = path.name in named or (parent == folder and is_ct(path))
                if path.name.endswith(_NIFTI) and wanted:
                    images.setdefault(path.name, path)
        # What may stand for a named image that is not there: all of its kind.
        for kind in {suffix_of(name) for name in named - images.keys()}:
            for path in sorted(folder.glob(f"**/*_{kind}.nii*")):
                if path.name.endswith(_NIFTI) and not path.name.startswith("."):
                    images.setdefault(path.name, path)
    return IeegFiles(
        electrodes=electrodes,
        channels=sorted(folder.glob("**/ieeg/*_channels.tsv")),
        coordsystem=coordsystem,
        images=sorted(images.values()),
    )


def _intended(coordsystem: Path) -> list[str]:
    """Names in ``IntendedFor``; none where the file is broken, which the compare stage will say."""
    try:
        return intended_names(read_metadata(coordsystem))
    except (OSError, InvalidInput):
        return []


def find_resection_mask(label: str, roots: list[Path], notes: list[str]) -> tuple[Path | None, str]:
    """The participant's resection mask, of several the only one in the pre-operative space.

    Returns
    -------
    mask, no_mask : Path or None, and str
        Why there is none.
    """
    found = _images(label, roots, "*resection*.nii*")
    preoperative = [path for path in found if not is_postoperative(path)]
    if len(found) > 1 and len(preoperative) == 1:
        notes.append(
            f"{len(found)} resection masks were found; {preoperative[0].name}, which is not in "
            "post-operative space, was used."
        )
        found = preoperative
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        return (
            None,
            f"{len(found)} resection masks were found, and which is meant is not said: {names}",
        )
    return (found[0] if found else None), NO_MASK


def find_postop_t1w(
    label: str, bids_dir: Path, roots: list[Path], mask: Path
) -> tuple[Path | None, str]:
    """The T1w made after the operation, in the dataset or in a derivative of it.

    Of several, the one on which the mask was drawn.

    Returns
    -------
    postop_t1w, no_postop : Path or None, and str
        Why there is none.
    """
    found = [
        path for path in _images(label, [bids_dir, *roots], "*_T1w.nii*") if is_postoperative(path)
    ]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        return drawn_on(mask, found), (
            f"{len(found)} post-operative T1w images were found, and on which the mask was drawn is "
            f"not said: {names}"
        )
    return (found[0] if found else None), NO_POSTOP


def _images(label: str, roots: list[Path], pattern: str) -> list[Path]:
    """The participant's NIfTI images whose names fit, in order."""
    return sorted(
        {
            path
            for root in roots
            for path in root.glob(f"sub-{label}/**/{pattern}")
            if path.name.startswith(f"sub-{label}_") and path.name.endswith(_NIFTI)
        }
    )


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
    own = rows[rows["participant_id"].map(participant_label) == label]
    if len(own) > 1:
        notes.append(
            f"participants.tsv has {len(own)} rows of sub-{label}: the outcome is not known."
        )
    if len(own) != 1:
        return None
    stated = {
        name: text
        for name, text in own.iloc[0].items()
        if ("outcome" in name or "engel" in name or name in ("ilae", "seizure_free"))
        and text.lower() not in NOT_GIVEN
    }
    told = {name: text for name, text in stated.items() if _is_outcome(text)}
    if len(told) < len(stated):
        notes.append(
            f"{len(stated) - len(told)} outcomes in participants.tsv are in words of their "
            "own, which are not repeated here."
        )
    return "; ".join(f"{name.replace('_', ' ')}: {text}" for name, text in told.items()) or None


def _is_outcome(text: str) -> bool:
    """Whether a cell holds a grade or a usual word: free text may hold a name or a date."""
    words = re.split(r"[\s:;,_-]+", text.strip().lower())
    return len(words) <= 6 and all(
        word in _OUTCOME_WORDS or re.fullmatch(r"(?:i{1,3}|iv|v|vi|\d)[a-d]?\d?", word)
        for word in words
    )
