"""Annotations in FIF: of a recording itself, or in a file ``-annot.fif`` that mne wrote beside it.

Those that were saved with the time of measurement count from it: the acquisition's begin, not the
first stored sample. Without that time, mne saves the onsets of a recording's own annotations counted
from the acquisition, and those that a program made counted from the first sample: the file does not
tell which.
"""

from pathlib import Path

import mne
import numpy as np
from mne._fiff.open import fiff_open
from mne._fiff.tree import dir_tree_find
from mne.io.constants import FIFF

from pipeline.mark_files._format import (
    MarkFormat,
    Marks,
    Reading,
    first_time,
    from_first_sample,
    inside,
    of_another_recording,
)

_DAY_S = 86_400.0
_SAME_CLOCK_S = 1.0


def fits(path: Path, start: bytes, is_own: bool) -> bool:
    """A FIF file that holds annotations."""
    return is_fif(path) and holds_block(path, FIFF.FIFFB_MNE_ANNOTATIONS)


def is_fif(path: Path) -> bool:
    return path.name.lower().endswith((".fif", ".fif.gz"))


def holds_block(path: Path, kind: int) -> bool:
    """Whether a FIF file holds a block of this kind; False where it cannot be read."""
    try:
        stream, tree, _ = fiff_open(path, verbose="error")
    except Exception:  # what is wrong with it is said when it is read
        return False
    with stream:
        return bool(dir_tree_find(tree, kind))


def read(path: Path, raw: mne.io.BaseRaw, reading: Reading) -> Marks:
    notes: list[str] = []
    if Path(path).resolve() in {Path(name).resolve() for name in raw.filenames if name}:
        annotations = raw.annotations
        onset_s = annotations.onset - first_time(raw)
        return Marks(onset_s, np.asarray(annotations.duration), tuple(annotations.description))
    annotations = mne.read_annotations(path)
    measured = raw.info["meas_date"]
    origin = reading.count_from
    if origin is None and annotations.orig_time is not None and measured is not None:
        early_s = (measured - annotations.orig_time).total_seconds()
        onset_s = annotations.onset - early_s - first_time(raw)
        if abs(early_s) > _SAME_CLOCK_S and not inside(onset_s, raw).any():
            onset_s = _of_shifted_date(early_s, annotations.onset, raw, path, notes)
    else:
        onset_s = from_first_sample(annotations.onset, raw, path, origin, notes)
    return Marks(
        onset_s, np.asarray(annotations.duration), tuple(annotations.description), tuple(notes)
    )


def _of_shifted_date(early_s: float, onset_s: np.ndarray, raw, path: Path, notes: list[str]):
    """Onsets where one of the two files was made anonymous, which shifts its date by whole days."""
    days = round(early_s / _DAY_S)
    rest_s = early_s - days * _DAY_S
    if days and abs(rest_s) <= _SAME_CLOCK_S:
        notes.append(
            f"The dates of {path.name} and of the recording lie {abs(days)} days apart at the same "
            "time of day: one of them was taken for anonymised."
        )
        return onset_s - rest_s - first_time(raw)
    raise of_another_recording(
        f"the acquisition that they count from began {abs(early_s) / 3600:.1f} h "
        f"{'before' if early_s > 0 else 'after'} that of the recording",
        path,
        "give this recording's marks; if a file's date was changed, say --count-from acquisition",
    )


FORMAT = MarkFormat("annotations in FIF (-annot.fif)", fits, read)
