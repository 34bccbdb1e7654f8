"""Which rows of a BIDS ``events.tsv`` are spikes."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.errors import InvalidInput
from pipeline.spikes.meanings import (
    hed_names_spike,
    hed_of,
    levels_of,
    name_pattern,
    names_spike,
    read_descriptions,
    seconds_per_unit,
)
from pipeline.tables import NOT_GIVEN, numbers, read_tsv

REVIEW = "review"
REJECTED, UNREVIEWED = "rejected", "unreviewed"
VERTEX_LIKE = "vertex-like transient"
"""What the detector calls transients that are unlike a spike by what vertex waves are unlike it."""
NAME_COLUMNS = ("trial_type", "annotation_type", "value")
LONGEST_SPIKE_S = 1.0
ONSETS_IN_SECONDS = "write onsets in seconds from the recording's first sample"
NAMES_IN_TRIAL_TYPE = (
    "name the spikes in the column trial_type; a table without rows says that nothing was marked"
)
_BAD = re.compile(r"bad(?![a-z])", re.IGNORECASE)
_UNCERTAIN = re.compile(
    r"\?|(?<![a-z])(?:possible|possibly|probable|probably|questionable|uncertain|unsure|unclear|doubtful|"
    r"suspected|equivocal|maybe)(?![a-z])",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(r"[1-9]\d{,2},\d{3}")
# Cells are quoted only where they can hold nothing but a number or a time of day.
_SHOWN_COLUMN = re.compile(r"[a-z][a-z_ ]{,30}")
_QUOTABLE = re.compile(r"[\d\s.,:;+\-/eET]{1,24}")


@dataclass(frozen=True)
class EventTable:
    """Spikes and bad stretches of one run; seconds from the recording's first sample.

    Attributes
    ----------
    onset_s, duration_s : ndarray, (n_spikes,)
        As annotated; durations that are missing or implausible for a spike are 0.
    bad_s : ndarray, (n, 2)
        Start and end of the rows whose name begins with ``bad``.
    n_rows : int
        Rows of the table.
    n_without_onset : int
        Spike rows whose onset is missing or no number.
    odd_onset : str
        How such an onset reads, for messages; empty where it is missing.
    label : tuple of str, (n_spikes,)
        What the table calls each spike.
    names : tuple of str
        Names found in the table, for the message when none matches.
    notes : tuple of str
        How the table was read, where the reader of the report must know.
    n_unreviewed : int
        Spikes of which the table says that no person has looked at them.
    n_set_apart : int
        `VERTEX_LIKE` transients of which it says the same.
    n_unnamed : int
        Rows with an onset that no column names.
    unread : str
        In words, which rows hold a spike's name in a column that is not read; empty where none does.
    sample : ndarray, (n_spikes,), or None
        The same onsets by the column ``sample``, NaN where it says nothing; None without it.
    """

    onset_s: np.ndarray
    duration_s: np.ndarray
    bad_s: np.ndarray
    n_rows: int
    n_without_onset: int
    odd_onset: str
    label: tuple[str, ...]
    names: tuple[str, ...]
    notes: tuple[str, ...]
    n_unreviewed: int = 0
    n_set_apart: int = 0
    n_unnamed: int = 0
    unread: str = ""
    sample: np.ndarray | None = None

    @property
    def lost(self) -> str:
        """What the spikes without a usable onset have instead of one."""
        if not self.odd_onset:
            return "no onset"
        return f"an onset that is no number, such as {self.odd_onset}"

    @property
    def why_no_spikes(self) -> str:
        """Why a table without a usable spike does not say that there are none; empty where it says so."""
        if self.n_without_onset:
            return f"{self.n_without_onset} spikes have {self.lost}"
        if self.unread:
            return self.unread
        if self.n_unnamed and not self.names:
            return (
                f"{self.n_unnamed} rows have no name, so that they may be spikes or anything else"
            )
        return ""


def read_events(path: Path, names: tuple[str, ...], sidecars: Sequence[Path] = ()) -> EventTable:
    """Read one ``events.tsv``.

    Parameters
    ----------
    path : Path
    names : tuple of str
        Words or phrases that name a spike: in the table, in its HED tags, or in what
        ``events.json`` says of a cell (``Levels``, ``HED``).
    sidecars : sequence of Path
        The ``events.json`` that apply, the most specific first.

    Raises
    ------
    InvalidInput
        The file is not a table with an ``onset`` column, or its onsets are in no unit of time.
    """
    notes: list[str] = []
    table = read_tsv(path, ("onset",), notes)
    described = read_descriptions(sidecars, notes)
    pattern = name_pattern(names)
    is_spike, is_bad = _named(table, pattern)
    for name, n_rows in Counter(_described_spikes(table, described, pattern, is_spike)).items():
        notes.append(f"{n_rows} spikes of {path.name} are named by events.json ({name}).")
    is_bad |= _described_bad(table, described)
    denied = _denied(table, pattern) & ~is_bad
    if denied.any():
        said = dict.fromkeys(_labels(table)[denied])
        notes.append(
            f"{denied.sum()} rows of {path.name} hold a spike's name, but deny it or are of something "
            f"else or its end ({listed(list(said))}); they were not used."
        )
    is_spike &= ~is_bad & ~denied
    review = _review(table)
    n_rejected = int((is_spike & (review == REJECTED)).sum())
    if n_rejected:
        notes.append(f"{n_rejected} marks of {path.name} were rejected by their reviewer.")
    unread = _unread(table, pattern, is_spike | denied | is_bad)
    if unread:
        notes.append(f"{path.name}: {unread}.")
    is_spike &= review != REJECTED
    onset_s, odd = _seconds(table, "onset", described, path, notes)
    duration_s, _ = _seconds(table, "duration", described, path, notes)
    duration_s = np.nan_to_num(duration_s)
    has_onset = np.isfinite(onset_s)
    spikes = np.flatnonzero(is_spike & has_onset)
    spikes = spikes[np.argsort(onset_s[spikes], kind="stable")]
    spike_duration_s = duration_s[spikes]
    no_spikes_length = (spike_duration_s < 0) | (spike_duration_s > LONGEST_SPIKE_S)
    spike_duration_s[no_spikes_length] = 0
    if no_spikes_length.any():
        notes.append(
            f"{no_spikes_length.sum()} spikes of {path.name} have durations that no spike has (below 0 "
            f"or above {LONGEST_SPIKE_S:g} s); each was looked for at its onset."
        )
    bad = is_bad & has_onset & (duration_s > 0)
    n_endless = int((is_bad & ~bad).sum())
    if n_endless:
        notes.append(
            f"{n_endless} bad stretches of {path.name} have no onset or no duration, so that nothing "
            "was left out for them."
        )
    notes += _note_of_uncertain(_labels(table)[spikes], path)
    odd_cells = table["onset"][is_spike & odd]
    return EventTable(
        onset_s=onset_s[spikes],
        duration_s=spike_duration_s,
        bad_s=np.column_stack([onset_s[bad], onset_s[bad] + duration_s[bad]]),
        n_rows=len(table),
        n_without_onset=int((is_spike & ~has_onset).sum()),
        odd_onset=_quoted(odd_cells.iloc[0]) if len(odd_cells) else "",
        label=tuple(_labels(table)[spikes]),
        names=_names_in(table),
        notes=tuple(notes),
        n_unreviewed=int((review[spikes] == UNREVIEWED).sum()),
        n_set_apart=int(((_labels(table) == VERTEX_LIKE) & (review == UNREVIEWED)).sum()),
        n_unnamed=int(((_labels(table) == "n/a") & (has_onset | odd) & ~is_spike).sum()),
        unread=unread,
        sample=numbers(table["sample"])[0][spikes] if "sample" in table else None,
    )


def no_spikes(annotated: Sequence[tuple[Path, EventTable]]) -> str:
    """Say in a sentence that the events of a recording are there and hold nothing.

    Parameters
    ----------
    annotated : sequence of (Path, EventTable)
        The events files and what was read from them.

    Raises
    ------
    InvalidInput
        There is no table, its spikes have no usable onset, or it names other things, which may be
        spikes under another name: nobody knows whether there are spikes.
    """
    if not annotated:
        raise InvalidInput(
            "no spikes: none of the MEG recordings has an events.tsv of its name",
            hint="annotate the spikes in an events.tsv beside the recording, named as it is; marks within the recording or "
            "in a file of another program are made one by spikefocus import-marks",
        )
    for path, table in annotated:
        if table.why_no_spikes:
            hint = ONSETS_IN_SECONDS if table.n_without_onset else NAMES_IN_TRIAL_TYPE
            raise InvalidInput(table.why_no_spikes, file=path, hint=hint)
    found = sorted({name for _, table in annotated for name in table.names if not _BAD.match(name)})
    if not found:
        return "The tables of events are there and hold no spike, so that nothing can be averaged."
    raise InvalidInput(
        "no spikes: no row of the events is named like a spike (found: "
        f"{', '.join(repr(name[:40]) for name in found[:8])})",
        file=annotated[0][0],
        hint="name them with --spike-name NAME, or, if none of them is a spike, give events.tsv "
        "without them: an empty table says that nothing was marked",
    )


def listed(names: Sequence[str]) -> str:
    """Up to five of them."""
    shown = ", ".join(repr(str(name)[:20]) for name in list(names)[:5])
    return f"{shown}, …" if len(names) > 5 else shown


def _named(table: pd.DataFrame, pattern: re.Pattern) -> tuple[np.ndarray, np.ndarray]:
    """Rows that the table itself names as spikes, and as bad stretches."""
    is_spike, is_bad = np.zeros(len(table), bool), np.zeros(len(table), bool)
    for column in NAME_COLUMNS:
        if column in table:
            is_spike |= _spoken(table[column], pattern)
            is_bad |= table[column].str.match(_BAD).to_numpy(bool)
    if "hed" in table:
        is_spike |= _tagged(table["hed"], pattern)
    return is_spike, is_bad


def _denied(table: pd.DataFrame, pattern: re.Pattern) -> np.ndarray:
    """Rows (n_rows,) of which a column holds a spike's name and says that they are none."""
    denied = np.zeros(len(table), bool)
    for column in NAME_COLUMNS:
        if column in table:
            holds = table[column].map(lambda text: pattern.search(text) is not None)
            denied |= holds.to_numpy(bool) & ~_spoken(table[column], pattern)
    return denied


def _unread(table: pd.DataFrame, pattern: re.Pattern, known: np.ndarray) -> str:
    """Which rows other than those that are `known` (n_rows,) hold a spike's name elsewhere, in words."""
    told = []
    for column in table.columns.difference([*NAME_COLUMNS, "hed", REVIEW]):
        n_rows = int((_spoken(table[column], pattern) & ~known).sum())
        if n_rows:
            shown = column if _SHOWN_COLUMN.fullmatch(column) else "another one"
            told.append(f"{n_rows} rows hold a spike's name in a column that is not read ({shown})")
    return "; ".join(told)


def _note_of_uncertain(labels: np.ndarray, path: Path) -> list[str]:
    """A sentence where spikes by their labels (n_spikes,) may be none."""
    uncertain = [label for label in labels if _UNCERTAIN.search(label)]
    if not uncertain:
        return []
    return [
        f"{len(uncertain)} spikes of {path.name} are marked as uncertain "
        f"({listed(list(dict.fromkeys(uncertain)))}); they count as the others."
    ]


def _review(table: pd.DataFrame) -> np.ndarray:
    """What a reviewer says of each row, in lower case; empty without such a column."""
    said = table.get(REVIEW, pd.Series("", table.index))
    return said.str.strip().str.lower().to_numpy(str)


def _spoken(texts: pd.Series, pattern: re.Pattern) -> np.ndarray:
    return np.array([names_spike(text, pattern) for text in texts], bool)


def _tagged(texts: pd.Series, pattern: re.Pattern) -> np.ndarray:
    return np.array([hed_names_spike(text, pattern) for text in texts], bool)


def _described_spikes(table, described: dict, pattern, is_spike: np.ndarray) -> list[str]:
    """Add the spikes that only events.json names; for each of them, which cell names it."""
    added = []
    for column, description in described.items():
        if column not in table:
            continue
        by_level = _spoken(levels_of(table[column], description), pattern)
        by_hed = _tagged(hed_of(table[column], description), pattern)
        new = (by_level | by_hed) & ~is_spike
        added += [f"{column} {cell[:20]!r}" for cell in table[column][new]]
        is_spike |= new
    return added


def _described_bad(table: pd.DataFrame, described: dict) -> np.ndarray:
    is_bad = np.zeros(len(table), bool)
    for column in NAME_COLUMNS:
        if column in table and column in described:
            is_bad |= levels_of(table[column], described[column]).str.match(_BAD).to_numpy(bool)
    return is_bad


def _seconds(table, column: str, described: dict, path: Path, notes: list[str]):
    """A column in seconds, NaN where it says no number; where it says something else instead."""
    if column not in table:
        return np.full(len(table), np.nan), np.zeros(len(table), bool)
    unit_s = seconds_per_unit(column, described.get(column, {}), path)
    values, odd = numbers(table[column])
    commas = table[column].str.contains(",", regex=False).to_numpy(bool) & np.isfinite(values)
    if column == "onset" and _by_thousands(table[column][commas], values, commas):
        values[commas], odd = np.nan, odd | commas
        commas = np.zeros(len(table), bool)
    if commas.any():
        cell = table[column][commas].iloc[0]
        notes.append(
            f"The {column}s of {path.name} have decimal commas: {_quoted(cell)} was read as "
            f"{values[commas][0]:g}."
        )
    if unit_s != 1:
        notes.append(f"The {column}s of {path.name} are in units of {unit_s:g} s by events.json.")
    return values * unit_s, odd


def _by_thousands(cells: pd.Series, values: np.ndarray, commas: np.ndarray) -> bool:
    """Whether the commas of onsets part thousands: only so, ``980`` before ``1,234``, are they in order."""
    if not len(cells) or not cells.str.strip().map(_THOUSANDS.fullmatch).all():
        return False
    whole = values.copy()
    whole[commas] *= 1000
    in_order = [(np.diff(each[np.isfinite(each)]) >= 0).all() for each in (values, whole)]
    return in_order == [False, True]


def _labels(table: pd.DataFrame) -> np.ndarray:
    """What each row (n_rows,) is called: the first of the columns that may name it which does."""
    labels = np.full(len(table), "n/a", object)
    for column in (*NAME_COLUMNS, "hed"):
        if column in table:
            given = (labels == "n/a") & ~table[column].str.lower().isin(NOT_GIVEN).to_numpy(bool)
            labels[given] = table[column][given]
    return labels


def _names_in(table: pd.DataFrame) -> tuple[str, ...]:
    columns = [column for column in (*NAME_COLUMNS, "hed") if column in table]
    cells = {cell for column in columns for cell in table[column]}
    return tuple(sorted(cell for cell in cells if cell.lower() not in NOT_GIVEN))


def _quoted(cell: str) -> str:
    return repr(cell) if _QUOTABLE.fullmatch(cell) else "a text"
