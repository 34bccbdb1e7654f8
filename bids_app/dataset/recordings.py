"""Which of a participant's folders recordings are taken from: those of MEG, or of EEG where these hold none."""

from pathlib import Path

from bids_app.listing import visible
from pipeline.modality import MODALITIES
from pipeline.names import is_room_by_name
from pipeline.readers import is_recording


def imaged_datatype(folder: Path) -> str:
    """What is imaged of a participant: of the modalities that there are recordings of, the first."""
    by_precedence = sorted(MODALITIES, key=lambda name: MODALITIES[name].precedence)
    there = [name for name in by_precedence if _of_datatype(folder, name)]
    return (there or by_precedence)[0]


def files_of(folder: Path, datatype: str, pattern: str | None = None) -> list[Path]:
    """What a participant's folders of a datatype hold by a pattern: as recordings are named, by default."""
    return list(visible(folder, f"**/{datatype}/{pattern or f'*_{datatype}*'}"))


def note_of_others(folder: Path, datatype: str) -> list[str]:
    """A sentence for recordings of other modalities, which are not imaged."""
    found = {name: len(_of_datatype(folder, name)) for name in MODALITIES if name != datatype}
    return [
        f"{n} {MODALITIES[name].label} recordings were not used: "
        f"{MODALITIES[datatype].label} is imaged alone."
        for name, n in found.items()
        if n
    ]


def _of_datatype(folder: Path, datatype: str) -> list[Path]:
    return [
        path
        for path in files_of(folder, datatype)
        if is_recording(path) and not is_room_by_name(path.name)
    ]
