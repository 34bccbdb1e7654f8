"""Tables (``.csv``, ``.tsv``, ``.txt``), with columns that the user names.

Onsets in a unit of time count from the first stored sample unless the user says otherwise. Samples
may count from either.
"""

import csv
import io
from pathlib import Path

import mne
import numpy as np
import pandas as pd

from pipeline.errors import InvalidInput
from pipeline.mark_files._format import MarkFormat, Marks, Origin, Reading, from_first_sample
from pipeline.mark_files.event_text import fits as is_event_text
from pipeline.tables import NOT_GIVEN, numbers

UNITS_S = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0}
SAMPLES = "samples"
_SUFFIXES = (".csv", ".tsv", ".txt")
_USUAL = {
    "onset": ("onset",),
    "duration": ("duration",),
    "name": ("trial_type", "annotation_type", "name", "label", "description", "value"),
}


def fits(path: Path, start: bytes, is_own: bool) -> bool:
    return path.suffix.lower() in _SUFFIXES and not is_event_text(path, start, is_own)


def read(path: Path, raw: mne.io.BaseRaw, reading: Reading) -> Marks:
    table = _table(path, reading.columns)
    columns = {key: _column(key, table, path, reading.columns) for key in _USUAL}
    onset, odd = numbers(columns["onset"])
    if odd.any() or np.isnan(onset).any():
        row = int(np.flatnonzero(np.isnan(onset))[0]) + 1
        raise InvalidInput(
            f"{int(np.isnan(onset).sum())} of {len(onset)} onsets are no numbers, the first in row "
            f"{row}",
            file=path,
            hint="write onsets as numbers, and name their unit with --unit",
        )
    unit_s = 1 / raw.info["sfreq"] if reading.unit == SAMPLES else UNITS_S[reading.unit]
    default: Origin | None = None if reading.unit == SAMPLES else "first-sample"
    notes: list[str] = []
    onset_s = from_first_sample(onset * unit_s, raw, path, reading.count_from or default, notes)
    lasting = columns["duration"]
    duration = np.zeros(len(onset)) if lasting is None else np.nan_to_num(numbers(lasting)[0])
    named = columns["name"]
    names = ("",) * len(onset) if named is None else tuple(named)
    return Marks(onset_s, duration * unit_s, names, tuple(notes))


def _table(path: Path, columns) -> pd.DataFrame:
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    first = text.splitlines()[0] if text.strip() else ""
    delimiter = max("\t;,", key=first.count)
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(row)]
    if not rows:
        raise InvalidInput("the table of marks is empty", file=path, hint="export it again")
    onset = columns.get("onset", "")
    has_header = not onset.isdigit() or not _is_number(rows[0], int(onset) - 1)
    header = rows[0] if has_header else [str(i + 1) for i in range(len(rows[0]))]
    width = len(header)
    body = [(row + [""] * width)[:width] for row in rows[has_header:]]
    return pd.DataFrame(body, columns=[name.strip() for name in header], dtype=str)


def _is_number(row: list[str], position: int) -> bool:
    cells = pd.Series(row[position : position + 1], dtype=str)
    return bool(len(cells)) and bool(np.isfinite(numbers(cells)[0]).all())


def _column(key: str, table: pd.DataFrame, path: Path, columns) -> pd.Series | None:
    """The column of onset, duration or name; None where only the usual ones were asked for."""
    by_name = {name.lower(): i for i, name in reversed(list(enumerate(table.columns)))}
    asked = columns.get(key)
    if asked is None:
        at = next((by_name[name] for name in _USUAL[key] if name in by_name), None)
    elif asked.lower() in by_name:
        at = by_name[asked.lower()]
    else:
        at = int(asked) - 1 if asked.isdigit() and 0 < int(asked) <= len(table.columns) else None
    if at is None:
        if asked is None and key != "onset":
            return None
        raise InvalidInput(
            f"the table has no column {(asked or key)[:30]!r}",
            file=path,
            hint="name its columns with --columns onset=COLUMN name=COLUMN",
        )
    cells = table.iloc[:, at].str.strip()
    return cells.where(~cells.str.lower().isin(NOT_GIVEN), "")


FORMAT = MarkFormat("a table (.csv, .tsv, .txt)", fits, read)
