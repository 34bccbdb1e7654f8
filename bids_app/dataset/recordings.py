"""Which of a participant's folders recordings are taken from: of what is asked for, else of MEG, else of EEG."""

from pathlib import Path

from bids_app.listing import visible
from pipeline.modality import MODALITIES, datatypes
from pipeline.names import is_room_by_name
from pipeline.readers import is_recording


def imaged_datatype(folder: Path, modality: str = "") -> str:
    """The kind of recordings that a participant's are taken from.

    Of those that there are any of: what holds the modality that is asked for, then the first by precedence. EEG is
    thus looked for among recordings of MEG where there are none of it alone.
    """
    by_precedence = sorted(datatypes(), key=lambda name: MODALITIES[name].precedence)
    if modality:
        own = MODALITIES[modality].datatype
        by_precedence.sort(key=lambda name: name != own)
    there = [name for name in by_precedence if _of_datatype(folder, name)]
    return (there or by_precedence)[0]


def files_of(folder: Path, datatype: str, pattern: str | None = None) -> list[Path]:
    """What a participant's folders of a datatype hold by a pattern: as recordings are named, by default."""
    return list(visible(folder, f"**/{datatype}/{pattern or f'*_{datatype}*'}"))


def note_of_others(folder: Path, datatype: str, modality: str = "") -> list[str]:
    """A sentence for recordings of another kind, which are not used."""
    found = {name: len(_of_datatype(folder, name)) for name in datatypes() if name != datatype}
    imaged = MODALITIES[modality or datatype].label
    how = f"{imaged} of one recording are imaged" if modality else f"{imaged} is imaged alone"
    if modality in datatypes():
        how = f"{imaged} is imaged"
    return [
        f"{n} {MODALITIES[name].label} recordings were not used: {how}."
        for name, n in found.items()
        if n
    ]


def _of_datatype(folder: Path, datatype: str) -> list[Path]:
    return [
        path
        for path in files_of(folder, datatype)
        if is_recording(path) and not is_room_by_name(path.name)
    ]
