"""Which rows of a BIDS ``events.tsv`` are spikes."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.errors import InvalidInput

NAME_COLUMNS = ("trial_type", "annotation_type", "value", "HED")
MAX_FILE_BYTES = 200 * 2**20
LONGEST_SPIKE_S = 1.0


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
        Spike rows whose onset is no number.
    names : tuple of str
        Names found in the table, for the message when none matches.
    """

    onset_s: np.ndarray
    duration_s: np.ndarray
    bad_s: np.ndarray
    n_rows: int
    n_without_onset: int
    names: tuple[str, ...]


def name_pattern(names: tuple[str, ...]) -> re.Pattern:
    """Pattern of the names as whole words in any case, a plural s or a number behind allowed.

    ``IED`` finds ``IED_left`` and ``IEDs`` but neither ``verified`` nor ``carried``.
    """
    alternatives = []
    for name in names:
        words = [re.escape(word) for word in re.split(r"[\s_\-/]+", name.strip()) if word]
        if words:
            closing = r"(?!\d)" if name.strip()[-1].isdigit() else r"s?(?![a-z])"
            alternatives.append(r"[\s_\-/]*".join(words) + closing)
    if not alternatives:
        raise InvalidInput("no name for spikes is given", hint="give one with --spike-name")
    return re.compile(r"(?<![a-z0-9])(?:" + "|".join(alternatives) + ")", re.IGNORECASE)


def read_events(path: Path, names: tuple[str, ...]) -> EventTable:
    """Read one ``events.tsv``.

    Parameters
    ----------
    path : Path
    names : tuple of str
        Words or phrases that name a spike.

    Raises
    ------
    InvalidInput
        The file is not a table with an ``onset`` column.
    """
    table = _read_tsv(path)
    if "onset" not in table.columns:
        raise InvalidInput(
            "the events file has no column onset",
            file=path,
            hint="write the events as a BIDS events.tsv",
        )
    pattern = name_pattern(names)
    columns = [name for name in NAME_COLUMNS if name in table.columns]
    text = table[columns].fillna("")
    is_spike = np.zeros(len(table), bool)
    is_bad = np.zeros(len(table), bool)
    for column in columns:
        is_spike |= text[column].str.contains(pattern).to_numpy(bool)
        is_bad |= text[column].str.lower().str.startswith("bad").to_numpy(bool)
    onset = pd.to_numeric(table["onset"], errors="coerce").to_numpy(float)
    duration = np.zeros(len(table))
    if "duration" in table.columns:
        duration = pd.to_numeric(table["duration"], errors="coerce").fillna(0).to_numpy(float)
    has_onset = np.isfinite(onset)
    is_spike &= ~is_bad
    spikes = np.flatnonzero(is_spike & has_onset)
    spikes = spikes[np.argsort(onset[spikes], kind="stable")]
    spike_duration = duration[spikes]
    spike_duration[(spike_duration < 0) | (spike_duration > LONGEST_SPIKE_S)] = 0
    bad = is_bad & has_onset & (duration > 0)
    shown = sorted({name for column in columns for name in text[column] if name})
    return EventTable(
        onset_s=onset[spikes],
        duration_s=spike_duration,
        bad_s=np.column_stack([onset[bad], onset[bad] + duration[bad]]),
        n_rows=len(table),
        n_without_onset=int((is_spike & ~has_onset).sum()),
        names=tuple(shown),
    )


def no_spikes(files: list[Path | None], tables: list[EventTable]) -> InvalidInput:
    """Say in one sentence why there is no spike and what to do."""
    given = [file for file in files if file is not None]
    if not given:
        return InvalidInput(
            "no spikes: none of the MEG recordings has an events.tsv",
            hint="annotate the spikes in an events.tsv beside the recording",
        )
    found = sorted({name for table in tables for name in table.names})
    listed = ", ".join(repr(name[:40]) for name in found[:8]) or "nothing"
    return InvalidInput(
        f"no spikes: no row of the events is named like a spike (found: {listed})",
        file=given[0],
        hint="name them with --spike-name NAME, or annotate the spikes",
    )


def read_channels_tsv(path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Channels marked bad, and channel types, of a BIDS ``channels.tsv``.

    Returns
    -------
    bad : dict
        Name to ``status_description`` (may be empty).
    types : dict
        Name to BIDS type in capitals.
    """
    table = _read_tsv(path)
    if "name" not in table.columns:
        raise InvalidInput(
            "the channels file has no column name",
            file=path,
            hint="write it as a BIDS channels.tsv",
        )
    table = table.fillna("")
    status = table["status"].str.strip().str.lower() if "status" in table else None
    why = table["status_description"] if "status_description" in table else [""] * len(table)
    bad = {}
    if status is not None:
        bad = {
            name: reason
            for name, state, reason in zip(table["name"], status, why, strict=True)
            if state == "bad"
        }
    types = {}
    if "type" in table:
        types = dict(zip(table["name"], table["type"].str.strip().str.upper(), strict=True))
    return bad, types


def _read_tsv(path: Path) -> pd.DataFrame:
    hint = "write it as a tab-separated table in UTF-8, as BIDS asks"
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InvalidInput("the table is far too large", file=path, hint=hint)
        return pd.read_csv(
            path, sep="\t", dtype=str, encoding="utf-8-sig", na_values=["n/a"], quotechar='"'
        )
    except (OSError, UnicodeDecodeError, ValueError, pd.errors.ParserError) as error:
        raise InvalidInput(
            f"the table cannot be read ({type(error).__name__})", file=path, hint=hint
        ) from error
