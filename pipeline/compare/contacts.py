"""One resolver for where published datasets keep contacts, seizure onset and resection marks."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.compare.coordinates import frame_problem, outside_head_mm, to_mm
from pipeline.errors import InvalidInput
from pipeline.files import read_json

MARKS = ("soz", "resected", "edge")
# Where a mark may stand, most explicit first; the words that mean it, in lower case.
RULES = {
    "soz": (
        ("electrodes.tsv", "soz", None),
        ("electrodes.tsv", "seizure_zone", {"soz"}),
        ("channels.tsv", "status_description", {"soz"}),
    ),
    "resected": (
        ("electrodes.tsv", "resected", None),
        ("electrodes.tsv", "seizure_zone", {"resected"}),
        ("channels.tsv", "status_description", {"resect", "resected"}),
    ),
    "edge": (
        ("electrodes.tsv", "edge", None),
        ("electrodes.tsv", "seizure_zone", {"resectededge"}),
    ),
}
_YES, _NO = {"yes", "true", "1"}, {"no", "false", "0", "n/a", ""}
SAME_CONTACT_MM = 1.0


@dataclass
class Contacts:
    """Contacts with a position in the T1w's scanner RAS.

    Attributes
    ----------
    name : list of str
    pos_mri_mm : ndarray, (n, 3)
    soz, resected, edge : ndarray of bool, (n,)
    """

    name: list[str]
    pos_mri_mm: np.ndarray
    soz: np.ndarray
    resected: np.ndarray
    edge: np.ndarray


@dataclass
class Resolution:
    """What the dataset's iEEG files came to.

    Attributes
    ----------
    contacts : Contacts or None
        None where `reason` says why there are no usable positions.
    rules : dict
        Where each mark was found ("channels.tsv:status_description"), None where nowhere.
    counts : dict
    """

    contacts: Contacts | None = None
    reason: str | None = None
    warnings: list[str] = field(default_factory=list)
    rules: dict[str, str | None] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


def resolve_contacts(
    electrodes: list[Path],
    channels: list[Path],
    coordsystem: list[Path],
    t1w: Path,
    scalp_mri_mm: np.ndarray,
) -> Resolution:
    """Find the contacts, their positions in the T1w and their marks.

    Raises
    ------
    InvalidInput
        A file is unreadable, or the coordinates do not fit the head in the declared unit.
    """
    resolution = Resolution()
    if not electrodes:
        resolution.reason = "no iEEG contacts are given (electrodes.tsv)"
        return resolution
    table = _placed_electrodes(electrodes, coordsystem, t1w, scalp_mri_mm, resolution)
    if table is None:
        return resolution
    channel_table = _stacked([read_tsv(path, ("name",)) for path in channels])
    marks = {mark: _resolve_mark(mark, table, channel_table, resolution) for mark in MARKS}
    placed = table["placed"].to_numpy(bool)
    _count(marks, placed, resolution)
    if not placed.any():
        resolution.reason = "no contact has coordinates (electrodes.tsv)"
        return resolution
    pos = table.loc[placed, ["x_mri_mm", "y_mri_mm", "z_mri_mm"]].to_numpy(float)
    resolution.contacts = Contacts(
        list(table.loc[placed, "name"]), pos, *(marks[mark][placed] for mark in MARKS)
    )
    n_outside = int((outside_head_mm(pos, scalp_mri_mm) > 0).sum())
    resolution.counts["outside_scalp"] = n_outside
    if n_outside:
        resolution.warnings.append(f"{n_outside} of {len(pos)} contacts lie outside the scalp.")
    return resolution


def read_tsv(path: Path, required: tuple[str, ...]) -> pd.DataFrame:
    """Read a BIDS table as text; a byte-order mark and quotes around cells are taken off."""
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, encoding="utf-8-sig", keep_default_na=False)
    except Exception as error:
        raise InvalidInput(
            "the table cannot be read", file=path, hint="save it as tab-separated UTF-8 text"
        ) from error
    table = table.rename(columns=lambda column: column.strip())
    missing = [column for column in required if column not in table]
    if missing:
        raise InvalidInput(
            f"the table has no column {missing[0]!r}", file=path, hint="add it as BIDS requires"
        )
    return table.apply(lambda column: column.str.strip())


def words(cell: str) -> set[str]:
    """The words of a comma list, in lower case: ``"resect,soz"`` gives resect and soz."""
    separated = cell.replace(";", ",").replace('"', "").split(",")
    return {word.strip().lower() for word in separated}


def _placed_electrodes(electrodes, coordsystem, t1w, scalp_mri_mm, resolution):
    """The contacts of all files that can be used, with x_mri_mm, y_mri_mm, z_mri_mm, placed."""
    tables, reasons = [], []
    for path in electrodes:
        table = read_tsv(path, ("name", "x", "y", "z"))
        described_by = _coordsystem_of(path, coordsystem)
        if described_by is None:
            reasons.append(f"{path.name} has no coordsystem.json")
            continue
        reason, warning = frame_problem(_read_coordsystem(described_by), t1w)
        if reason:
            reasons.append(f"{reason} ({described_by.name})")
            continue
        resolution.warnings += [warning] if warning else []
        xyz = (
            table[["x", "y", "z"]].apply(pd.to_numeric, errors="coerce").to_numpy(float, copy=True)
        )
        placed = np.isfinite(xyz).all(1)
        if placed.any():
            unit = _read_coordsystem(described_by)["iEEGCoordinateUnits"]
            xyz[placed] = to_mm(xyz[placed], unit, scalp_mri_mm, path, described_by)
        table["x_mri_mm"], table["y_mri_mm"], table["z_mri_mm"] = xyz.T
        tables.append(table.assign(placed=placed))
    if not tables:
        resolution.reason = "; ".join(dict.fromkeys(reasons))
        return None
    resolution.warnings += [f"Contacts left out: {reason}." for reason in dict.fromkeys(reasons)]
    return _without_repeats(_stacked(tables), resolution)


def _without_repeats(table: pd.DataFrame, resolution: Resolution) -> pd.DataFrame:
    """One row per contact name, the placed one first; marks of repeated rows are joined later."""
    key = table["name"].str.lower()
    table = table.assign(key=key).sort_values("placed", ascending=False, kind="stable")
    for name, rows in table[table["placed"]].groupby("key", sort=False):
        pos = rows[["x_mri_mm", "y_mri_mm", "z_mri_mm"]].to_numpy(float)
        if np.linalg.norm(pos - pos[0], axis=1).max() > SAME_CONTACT_MM:
            resolution.warnings.append(
                f"Contact {name} has several positions; the first one is used."
            )
    return table.drop_duplicates("key").sort_index()


def _coordsystem_of(electrodes: Path, coordsystem: list[Path]) -> Path | None:
    """The coordsystem.json of the same entities, else the only one of the same folder."""
    stem = electrodes.name.removesuffix("_electrodes.tsv")
    for path in coordsystem:
        if path.parent == electrodes.parent and path.name == f"{stem}_coordsystem.json":
            return path
    beside = [path for path in coordsystem if path.parent == electrodes.parent]
    return beside[0] if len(beside) == 1 else None


def _read_coordsystem(path: Path) -> dict:
    try:
        return read_json(path)
    except ValueError as error:
        raise InvalidInput(
            "the file is not valid JSON", file=path, hint="repair it (see the BIDS validator)"
        ) from error


def _resolve_mark(mark, electrodes, channels, resolution) -> np.ndarray:
    """The contacts (n,) that carry a mark, by the first of its rules that marks any."""
    found = {}
    for file, column, meaning in RULES[mark]:
        table = electrodes if file == "electrodes.tsv" else channels
        if table is None or column not in table:
            continue
        marked = _marked(table[column], meaning)
        if meaning is None:
            unknown = set(table[column].str.lower()) - _YES - _NO
            if unknown:
                resolution.warnings.append(
                    f"{file}:{column} holds values other than yes and no, taken as no: "
                    f"{', '.join(sorted(unknown))}."
                )
        names = set(table.loc[marked, "name"].str.lower())
        if names:
            found[f"{file}:{column}"] = names
    resolution.rules[mark] = next(iter(found), None)
    if not found:
        return np.zeros(len(electrodes), bool)
    if len({frozenset(names) for names in found.values()}) > 1:
        counts = ", ".join(f"{rule} ({len(names)})" for rule, names in found.items())
        resolution.warnings.append(
            f"Files disagree on the {mark} contacts: {counts}; the first is used."
        )
    names = found[resolution.rules[mark]]
    without_electrode = sorted(names - set(electrodes["key"]))
    if without_electrode:
        resolution.warnings.append(
            f"{len(without_electrode)} {mark} channels have no contact of that name "
            f"in electrodes.tsv: {', '.join(without_electrode[:5])}."
        )
    return electrodes["key"].isin(names).to_numpy()


def _marked(column: pd.Series, meaning: set[str] | None) -> np.ndarray:
    if meaning is None:
        return column.str.lower().isin(_YES).to_numpy()
    return column.map(lambda cell: bool(words(cell) & meaning)).to_numpy(bool)


def _count(marks: dict[str, np.ndarray], placed: np.ndarray, resolution: Resolution) -> None:
    resolution.counts |= {
        "contacts": len(placed),
        "contacts_without_position": int((~placed).sum()),
    }
    for mark, marked in marks.items():
        resolution.counts[mark] = int((marked & placed).sum())
        lost = int((marked & ~placed).sum())
        if lost:
            resolution.warnings.append(f"{lost} {mark} contacts have no coordinates.")


def _stacked(tables: list[pd.DataFrame]) -> pd.DataFrame | None:
    if not tables:
        return None
    stacked = pd.concat(tables, ignore_index=True)
    text = stacked.select_dtypes(exclude=["number", "bool"]).columns
    return stacked.fillna(dict.fromkeys(text, ""))
