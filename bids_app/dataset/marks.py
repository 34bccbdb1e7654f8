"""Which tables speak of a recording's marks: the dataset's, or those of ``--marks``."""

from pathlib import Path

from bids_app.dataset.recordings import files_of, imaged_datatype
from pipeline.readers import is_recording
from pipeline.sidecars import applicable, nearest

_OF_TABLES = (".tsv", ".csv", ".txt", ".xlsx", ".xls", ".ods", ".gz")


def events_of(recording: Path, bids_dir: Path, marks_dir: Path | None) -> Path | None:
    """The ``events.tsv`` of a recording.

    Parameters
    ----------
    recording : Path
        In `bids_dir`.
    bids_dir : Path
    marks_dir : Path or None
        A derivative whose tables stand in the place of the dataset's: one that it lacks is none.
    """
    return nearest(*_home(recording, "events", ".tsv", bids_dir, marks_dir))


def events_json_of(recording: Path, bids_dir: Path, marks_dir: Path | None) -> list[Path]:
    """The ``events.json`` that apply to it, the most specific first."""
    return applicable(*_home(recording, "events", ".json", bids_dir, marks_dir))


def notes_of_stray_tables(
    folder: Path, bids_dir: Path, all_marked: bool, modality: str = ""
) -> list[str]:
    """A sentence for each table of events below a participant's folder that is of no recording there.

    Where all runs have their tables, one in another format beside them is only a copy.

    Parameters
    ----------
    folder : Path
        The participant's.
    bids_dir : Path
    all_marked : bool
        Whether every run has a table.
    modality : str
        What is imaged, where it was asked for.
    """
    datatype = imaged_datatype(folder, modality)
    recordings = [path for path in files_of(folder, datatype) if is_recording(path)]
    tables = [applicable(path, "events", ".tsv", bids_dir) for path in recordings]
    used = {of_one[0] for of_one in tables if of_one}
    # In the recording's folder one table is enough: who made two meant one of them.
    instead = {other: of_one[0] for of_one in tables for other in of_one[1:] if other not in used}
    stray = [
        path
        for path in files_of(folder, datatype, "*")
        if "_event" in path.name.lower() and path.suffix.lower() in _OF_TABLES and path not in used
        if path.suffix.lower() == ".tsv" or not all_marked
    ]
    return [
        f"{path.name} was not used: {instead[path].name} is nearer to the recording's name."
        if path in instead
        else f"{path.name} was not used: it is no events.tsv that is named as a recording is."
        for path in stray
    ]


def notes_of_marks(tables: list[Path | None], marks_dir: Path | None) -> list[str]:
    """What the report's reader must know where the marks are not the dataset's own."""
    if marks_dir is None:
        return []
    n_marked = sum(table is not None for table in tables)
    return [
        f"Marks are those of {marks_dir.name}, not the dataset's own: {n_marked} of {len(tables)} "
        "recordings have a table there."
    ]


def _home(recording: Path, suffix: str, extension: str, bids_dir: Path, marks_dir: Path | None):
    if marks_dir is None:
        return recording, suffix, extension, bids_dir
    # Sidecars are found by the recording's place and name alone; it need not be there.
    return marks_dir / recording.relative_to(bids_dir), suffix, extension, marks_dir
