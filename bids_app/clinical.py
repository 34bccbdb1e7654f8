"""Find what surgery and iEEG left in a BIDS dataset: contacts, CT, resection mask, outcome."""

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.compare.frames import intended_names, is_ct, is_postoperative
from pipeline.errors import InvalidInput
from pipeline.files import read_metadata

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


def find_resection_mask(label: str, roots: list[Path], notes: list[str]) -> Path | None:
    """The participant's resection mask; of several, the only one in the pre-operative space."""
    found = sorted(
        {
            p
            for root in roots
            for p in root.glob(f"sub-{label}/**/*resection*.nii*")
            if p.name.startswith(f"sub-{label}_") and p.name.endswith(_NIFTI)
        }
    )
    if len(found) > 1:
        preoperative = [p for p in found if not is_postoperative(p)]
        if len(preoperative) != 1:
            raise InvalidInput(
                f"{len(found)} resection masks were found: {', '.join(p.name for p in found)}",
                file=found[0].parent,
                hint="keep the one that is meant",
            )
        notes.append(
            f"{len(found)} resection masks were found; {preoperative[0].name}, which is not in "
            "post-operative space, was used."
        )
        return preoperative[0]
    return found[0] if found else None


def find_postop_t1w(label: str, bids_dir: Path, roots: list[Path]) -> Path | None:
    """The T1w made after the operation, in the dataset or in a derivative of it."""
    found = sorted(
        {
            p
            for root in (bids_dir, *roots)
            for p in root.glob(f"sub-{label}/**/*_T1w.nii*")
            if p.name.endswith(_NIFTI) and is_postoperative(p)
        }
    )
    if len(found) > 1:
        raise InvalidInput(
            f"{len(found)} post-operative T1w images were found: "
            f"{', '.join(p.name for p in found)}",
            file=found[0].parent,
            hint="keep the one that the resection mask was drawn on",
        )
    return found[0] if found else None


def find_outcome(bids_dir: Path, label: str, notes: list[str]) -> str | None:
    """What ``participants.tsv`` says about the outcome of surgery; None where nothing."""
    table = bids_dir / "participants.tsv"
    if not table.is_file():
        return None
    try:
        text = table.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        notes.append("participants.tsv is not UTF-8 text: the outcome is not known.")
        return None
    header, *rows = [line.split("\t") for line in text.splitlines() if line.strip()] or [[]]
    for row in rows:
        values = dict(zip(header, row, strict=False))
        if values.get("participant_id") == f"sub-{label}":
            stated = {
                name: values[name]
                for name in header
                if ("outcome" in name or "engel" in name or name in ("ilae", "seizure_free"))
                and values.get(name, "n/a") not in ("", "n/a")
            }
            told = {name: text for name, text in stated.items() if _is_outcome(text)}
            if len(told) < len(stated):
                notes.append(
                    f"{len(stated) - len(told)} outcomes in participants.tsv are in words of their "
                    "own, which are not repeated here."
                )
            return (
                "; ".join(f"{name.replace('_', ' ')}: {text}" for name, text in told.items())
                or None
            )
    return None


def _is_outcome(text: str) -> bool:
    """Whether a cell holds a grade or a usual word: free text may hold a name or a date."""
    words = re.split(r"[\s:;,_-]+", text.strip().lower())
    return len(words) <= 6 and all(
        word in _OUTCOME_WORDS or re.fullmatch(r"(?:i{1,3}|iv|v|vi|\d)[a-d]?\d?", word)
        for word in words
    )
