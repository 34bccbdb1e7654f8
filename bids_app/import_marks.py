"""``spikefocus import-marks``: marks of other programs as a BIDS derivatives dataset."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mne

from bids_app.config import ConfigError
from bids_app.derivatives import check_output, describe_derivative
from pipeline.errors import MissingResource
from pipeline.files import refuse_linked_folders, to_json, write_shared_text, write_text
from pipeline.mark_files._format import Reading
from pipeline.mark_files._reading import read_marks
from pipeline.names import entities_of, events_name
from pipeline.readers import is_recording
from pipeline.sidecars import nearest
from pipeline.spikes.imported import join_marks, sidecar
from pipeline.spikes.recording import open_recording
from pipeline.tables import to_tsv

_README = """\
Marks of spikes, brought into BIDS by spikefocus import-marks. Research use only.

Onsets count from each recording's first stored sample. Tables have the names of the recordings that
they speak of; "spikefocus ... --marks THIS_FOLDER" reads them instead of the dataset's own.
"""
_COLUMN_KEYS = ("onset", "duration", "name")


def import_marks(
    bids_dir: Path,
    marks_dir: Path,
    recording: Path,
    mark_files: list[Path],
    spike_names: tuple[str, ...],
    reading: Reading,
    form: str | None = None,
    drop_outside: bool = False,
) -> tuple[Path, int, list[str]]:
    """Write the marks of one recording as ``events.tsv`` and ``events.json`` of a derivative.

    Parameters
    ----------
    bids_dir, marks_dir : Path
        The dataset, and the derivative that is created or added to.
    recording : Path
        Of the dataset; also relative to it.
    mark_files : list of Path
        The recording's own marks where there are none.
    spike_names, reading, form, drop_outside
        As `join_marks` and `read_marks` take them.

    Returns
    -------
    table : Path
    n_spikes : int
    notes : list of str

    Raises
    ------
    ConfigError
        The derivative would lie in the dataset itself, or the recording outside it.
    InvalidInput
        Recording or marks cannot be used.
    MissingResource
        The table is there already with other marks, or the folder cannot be written.
    """
    _check_place(marks_dir, bids_dir)
    check_output(marks_dir, bids_dir)
    path = _recording_of(recording, bids_dir)
    with mne.use_log_level("error"):
        raw = open_recording(path)
        files = [
            (file, read_marks(file, raw, path, reading, form)) for file in mark_files or [path]
        ]
        joined = join_marks(files, raw, spike_names, drop_outside)
    notes = list(joined.notes)
    own = nearest(path, "events", ".tsv", bids_dir)
    if own is not None:
        notes.append(f"{own.name} of the dataset is not read where --marks names this folder.")
    place = path.resolve().relative_to(bids_dir.resolve())
    target = marks_dir / place.with_name(events_name(place.name))
    written = {
        target: to_tsv(joined.table),
        target.with_suffix(".json"): to_json(sidecar(joined.table)),
    }
    with _told_if_unwritable(marks_dir):
        refuse_linked_folders(target.parent)
        if target.exists() and target.read_text(encoding="utf-8") != written[target]:
            raise MissingResource(
                "the folder holds other marks of this recording",
                file=target,
                hint="remove the table, which may have been reviewed, or choose another folder",
            )
        description = describe_derivative("spikefocus marks", bids_dir)
        write_shared_text(marks_dir / "dataset_description.json", to_json(description))
        write_shared_text(marks_dir / "README", _README)
        for file, text in written.items():
            write_text(file, text)
    return target, joined.n_spikes, notes


def columns_of(given: list[str]) -> dict[str, str]:
    """``["onset=Time", "name=2"]`` as a mapping; `ConfigError` for other words."""
    columns = {}
    for each in given:
        key, equals, column = each.partition("=")
        if key not in _COLUMN_KEYS or not equals or not column:
            raise ConfigError(
                f"--columns is {each[:40]!r}",
                hint="allowed are onset=COLUMN, duration=COLUMN and name=COLUMN",
            )
        columns[key] = column
    return columns


def _check_place(marks_dir: Path, bids_dir: Path) -> None:
    place, root = marks_dir.resolve(), bids_dir.resolve()
    own = root / "derivatives"
    if place == root or place == own or (root in place.parents and own not in place.parents):
        raise ConfigError(
            "The marks would be written into the dataset itself",
            file=marks_dir,
            hint="name a folder outside it, or one below its derivatives folder",
        )


def _recording_of(recording: Path, bids_dir: Path) -> Path:
    path = recording if recording.exists() else bids_dir / recording
    if not path.exists():
        raise ConfigError(
            "The recording does not exist", file=recording, hint="give its path in the dataset"
        )
    inside = bids_dir.resolve() in path.resolve().parents
    if not inside or not is_recording(path) or "sub" not in entities_of(path.name):
        raise ConfigError(
            "The file is no MEG recording of the dataset",
            file=recording,
            hint="give the path of a *_meg recording below BIDS_DIR",
        )
    return path


@contextmanager
def _told_if_unwritable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MissingResource(
            f"The folder of marks cannot be written: {error.strerror}",
            file=folder,
            hint="choose a writable folder with free space",
        ) from error
