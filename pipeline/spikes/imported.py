"""Marks of other programs as the rows of an ``events.tsv``: which are spikes, and do files agree?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
import pandas as pd

from pipeline.errors import InvalidInput
from pipeline.mark_files._format import Marks, duration_of, first_time, inside
from pipeline.spikes.meanings import name_pattern, names_spike
from pipeline.tables import described

SAME_MARK_S = 0.05
BAD = "bad"
# Name in the table, and tag of HED's library SCORE, by the first of these words in a mark's name.
_KINDS = (
    ("polyspike", "polyspike", "sc:Polyspikes-morphology"),
    ("sharp", "sharp_wave", "sc:Sharp-wave-morphology"),
    ("spike", "spike", "sc:Spike-morphology"),
    ("", "interictal_discharge", "sc:Epileptiform-interictal-activity"),
)
COLUMNS = {
    "onset": ("Time from the recording's first stored sample", "s"),
    "duration": ("Duration of the mark; 0 for a moment", "s"),
    "trial_type": ("What was marked", None),
    "sample": ("The same time as a sample of the recording, the first stored one being 0", None),
    "source": ("File of marks, by its number in the order in which they were given", None),
}


@dataclass(frozen=True)
class ImportedMarks:
    """What becomes the derivative's table of events.

    Attributes
    ----------
    table : DataFrame
        `COLUMNS`, by onset.
    n_spikes : int
    notes : tuple of str
    """

    table: pd.DataFrame
    n_spikes: int
    notes: tuple[str, ...]


def join_marks(
    files: Sequence[tuple[Path, Marks]],
    raw: mne.io.BaseRaw,
    spike_names: tuple[str, ...],
    drop_outside: bool = False,
) -> ImportedMarks:
    """Choose the spikes and the bad stretches among the marks of one recording.

    Marks of one kind that several files hold must agree; those of other kinds complete each other.

    Parameters
    ----------
    files : sequence of (Path, Marks)
    raw : mne.io.BaseRaw
    spike_names : tuple of str
        Words, phrases or codes that name a spike. A file whose marks have no names holds spikes alone.
    drop_outside : bool
        Leave out marks that lie outside the recording, instead of refusing them.

    Raises
    ------
    InvalidInput
        No mark is a spike, marks lie outside the recording, or two files disagree.
    """
    notes: list[str] = []
    tables = []
    for number, (path, marks) in enumerate(files, 1):
        notes += marks.notes
        table = _of_file(marks, spike_names)
        table["source"] = number
        tables.append(_within(table, raw, path, drop_outside, notes))
    joined = _agreed(tables, [path for path, _ in files])
    is_spike = joined["trial_type"] != BAD
    if not is_spike.any():
        raise _no_spikes(files)
    rows = joined.sort_values(["onset", "source"], kind="stable").reset_index(drop=True)
    rows["sample"] = np.round(rows["onset"] * raw.info["sfreq"]).astype(int)
    return ImportedMarks(rows[list(COLUMNS)], int(is_spike.sum()), tuple(notes))


def sidecar(table: pd.DataFrame) -> dict:
    """``events.json`` of a table: columns, kinds of marks and their tags."""
    columns = described(COLUMNS)
    kinds = {name: (f"Marked as {name.replace('_', ' ')}", tag) for _, name, tag in _KINDS}
    kinds[BAD] = ("Marked as a bad stretch", "Artifact")
    present = [kind for kind in kinds if kind in set(table["trial_type"])]
    columns["trial_type"] |= {
        "Levels": {kind: kinds[kind][0] for kind in present},
        # A stretch that is bad has no tag of SCORE without saying which artefact it is.
        "HED": {kind: kinds[kind][1] for kind in present if kind != BAD},
    }
    return columns


def kind_of(name: str) -> str:
    """The table's name of a spike that a mark calls `name`; that of a code is a spike."""
    if not any(letter.isalpha() for letter in name):
        return "spike"
    return next(kind for word, kind, _ in _KINDS if word in name.lower())


def _of_file(marks: Marks, spike_names: tuple[str, ...]) -> pd.DataFrame:
    """Spikes and bad stretches; the rest, and what a clinic wrote of each, stays in its file."""
    pattern = name_pattern(spike_names)
    kinds = [
        kind_of(name or "spike") if not any(marks.name) or names_spike(name, pattern) else ""
        for name in marks.name
    ]
    bad = [
        name.lower().startswith(BAD) and duration > 0
        for name, duration in zip(marks.name, marks.duration_s, strict=True)
    ]
    trial_type = np.where(bad, BAD, kinds) if len(bad) else np.array([], str)
    table = pd.DataFrame(
        {"onset": marks.onset_s, "duration": marks.duration_s, "trial_type": trial_type}
    )
    return table[table["trial_type"] != ""].round({"onset": 5, "duration": 5})


def _within(table, raw, path: Path, drop_outside: bool, notes: list[str]) -> pd.DataFrame:
    """The marks in the recording; bad stretches may reach beyond it."""
    is_mark = (table["trial_type"] != BAD).to_numpy()
    onset_s = table["onset"].to_numpy(float)
    outside = is_mark & ~inside(onset_s, raw)
    if not outside.any():
        return table
    duration = duration_of(raw)
    late = onset_s[outside].max()
    told = (
        f"{outside.sum()} of {is_mark.sum()} marks lie before the first or behind the last sample of "
        f"the recording, which lasts {duration:.1f} s (the last mark: {late:.1f} s)"
    )
    skipped = first_time(raw)
    shifted = [moved for moved in (skipped, -skipped) if skipped]
    other = any(inside(onset_s[is_mark] + moved, raw).all() for moved in shifted)
    if other:
        hint = (
            f"the acquisition began {skipped:g} s before the first stored sample: say with "
            "--count-from which of the two they count from"
        )
    elif outside.sum() == is_mark.sum():
        hint = "give the marks that were made in this recording: these are of another one"
    else:
        hint = "give this recording's marks, or leave those out with --drop-outside"
    if drop_outside and not outside.sum() == is_mark.sum():
        notes.append(f"{told}; they were left out ({path.name}).")
        return table[~outside]
    raise InvalidInput(told, file=path, hint=hint)


def _agreed(tables: list[pd.DataFrame], paths: list[Path]) -> pd.DataFrame:
    """All tables in one, each mark once; `InvalidInput` where two disagree about a kind."""
    kept = tables[0]
    for index, table in enumerate(tables[1:], 1):
        for kind in sorted(set(kept["trial_type"]) & set(table["trial_type"]) - {BAD}):
            earlier, other = kept[kept["trial_type"] == kind], table[table["trial_type"] == kind]
            before = paths[int(earlier["source"].iloc[0]) - 1]
            _require_same(earlier["onset"], other["onset"], kind, before, paths[index])
            table = table.drop(other.index)
        kept = pd.concat([kept, table], ignore_index=True)
    return kept


def _require_same(first, second, kind: str, path: Path, other: Path) -> None:
    a, b = (np.sort(each.to_numpy(float)) for each in (first, second))
    nearest = np.abs(a[:, None] - b[None])
    alone = int((nearest.min(1) > SAME_MARK_S).sum() + (nearest.min(0) > SAME_MARK_S).sum())
    if not alone:
        return
    moved = ""
    if len(a) == len(b) and np.ptp(b - a) <= SAME_MARK_S:
        moved = f", all by {np.median(b - a):+.2f} s"
    raise InvalidInput(
        f"two files of marks disagree: {alone} of {len(a)} and {len(b)} marks of {kind!r} in {path.name} "
        f"and {other.name} have none within {SAME_MARK_S:g} s in the other{moved}",
        file=other,
        hint="give the one that is right, or, where both count from different moments, each alone with "
        "--count-from",
    )


def _no_spikes(files: Sequence[tuple[Path, Marks]]) -> InvalidInput:
    names = Counter(name for _, marks in files for name in marks.name)
    # Free text of a clinic may name a person: only codes are quoted.
    codes = [name for name in names if name.lstrip("-").isdigit()][:8]
    quoted = f"; its codes are {', '.join(codes)}" if codes else ""
    return InvalidInput(
        f"none of {sum(names.values())} marks is named as a spike{quoted}",
        file=files[0][0],
        hint="say which are with --spike NAME_OR_CODE",
    )
