"""Events as text (``.eve``, ``.lst``): sample, value before, value after; older ones with a time.

In mne's files samples count from the acquisition's begin. Files of four columns without the line of
the first sample, whose values are 0 and 0, are older than that rule, and may count from the first
stored sample.
"""

from pathlib import Path

import mne
import numpy as np

from pipeline.errors import InvalidInput
from pipeline.mark_files._format import MarkFormat, Marks, Origin, Reading, from_first_sample

_SUFFIXES = (".eve", ".lst")
_ENDINGS = ("-eve.txt", "_eve.txt")


def fits(path: Path, start: bytes, is_own: bool) -> bool:
    return path.suffix.lower() in _SUFFIXES or path.name.lower().endswith(_ENDINGS)


def read(path: Path, raw: mne.io.BaseRaw, reading: Reading) -> Marks:
    rows = np.loadtxt(path, dtype=float, ndmin=2, encoding="utf-8")
    if rows.shape[1] not in (3, 4):
        raise InvalidInput(
            f"the file of events has {rows.shape[1]} columns instead of 3 or 4",
            file=path,
            hint="export it again, or give it as a table with --format table and --columns",
        )
    sample, before, after = rows[:, 0], rows[:, -2], rows[:, -1]
    has_first = len(rows) > 0 and before[0] == 0 and after[0] == 0
    origin: Origin | None = "acquisition"
    if has_first:
        origin = "acquisition" if sample[0] == raw.first_samp else "first-sample"
    elif rows.shape[1] == 4:
        origin = None
    notes: list[str] = []
    is_event = after != 0
    onset_s = from_first_sample(
        sample[is_event] / raw.info["sfreq"], raw, path, reading.count_from or origin, notes
    )
    names = tuple(f"{code:.0f}" for code in after[is_event])
    return Marks(onset_s, np.zeros(len(onset_s)), names, tuple(notes))


FORMAT = MarkFormat("events as text (.eve, .lst)", fits, read)
