"""The iEEG contacts of a dataset: their positions in the T1w and their marks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.compare.coordinates import HEAD_TOLERANCE_MM, outside_head_mm, to_mm
from pipeline.compare.frames import RANK, Frame, frame_of
from pipeline.compare.labels import MARKS, ContactLabels
from pipeline.compare.marks import check_plausible, resolve_mark
from pipeline.doubts import Doubt
from pipeline.errors import InvalidInput
from pipeline.files import read_metadata
from pipeline.tables import read_tsv, stacked

SAME_CONTACT_MM = 1.0
_XYZ = ["x_mri_mm", "y_mri_mm", "z_mri_mm"]


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


@dataclass(frozen=True)
class Carried:
    """How positions come from a frame to the T1w.

    Attributes
    ----------
    to_mri_mm : callable
        From positions (n, 3) in the frame, mm.
    method : str
    quality : dict of str to float
        Figures of merit, units in their names.
    warning : str or None
    doubts : tuple of Doubt
    """

    to_mri_mm: Callable[[np.ndarray], np.ndarray]
    method: str
    quality: dict[str, float] = field(default_factory=dict)
    warning: str | None = None
    doubts: tuple[Doubt, ...] = ()


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
    transforms : list of dict
        For each file used: space, method and quality of the transform to the T1w.
    """

    contacts: Contacts | None = None
    reason: str | None = None
    warnings: list[str] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    rules: dict[str, str | None] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    transforms: list[dict] = field(default_factory=list)


@dataclass(frozen=True)
class _Placeable:
    """One electrodes.tsv whose space can be carried to the T1w."""

    path: Path
    described_by: Path
    unit: str
    frame: Frame
    table: pd.DataFrame


def resolve_contacts(
    electrodes: list[Path],
    channels: list[Path],
    coordsystem: list[Path],
    t1w: Path,
    images: list[Path],
    labels: ContactLabels,
    carry: Callable[[Frame], Carried | str],
    scalp_mri_mm: np.ndarray,
) -> Resolution:
    """Find the contacts, their positions in the T1w and their marks.

    Parameters
    ----------
    electrodes, channels, coordsystem : list of Path
    t1w : Path
    images : list of Path
        The participant's other images that coordinates may refer to.
    labels : ContactLabels
        Overrides the rules for marks.
    carry : callable
        How a frame comes to the T1w, or why it doesn't.
    scalp_mri_mm : ndarray, (n, 3)

    Raises
    ------
    InvalidInput
        A file is unreadable, or the coordinates do not fit the head in the declared unit.
    """
    found = Resolution()
    if not electrodes:
        found.reason = "no iEEG contacts are given (electrodes.tsv)"
        return found
    tables = [with_key(read_tsv(path, ("name",), found.warnings)) for path in electrodes]
    channel_tables = [with_key(read_tsv(path, ("name",), found.warnings)) for path in channels]
    placeable, reasons = _placeable(electrodes, tables, coordsystem, t1w, images)
    table = _placed(placeable, carry, scalp_mri_mm, found, reasons)
    reasons = list(dict.fromkeys(reasons))
    if table is None:
        found.reason = "; ".join(reasons)
        return found
    found.warnings += [f"Contacts left out: {reason}." for reason in reasons]
    # Marks count from every row, also of repeated contacts and of files in a space that is not used.
    rows, channel_rows = stacked(tables), stacked(channel_tables)
    marks = {}
    for mark in MARKS:
        names, found.rules[mark] = resolve_mark(mark, labels, rows, channel_rows, found.warnings)
        marks[mark] = table["key"].isin(names).to_numpy(bool)
    check_plausible(marks, found.warnings)
    placed = _usable(table, scalp_mri_mm, found)
    _count(marks, placed, found)
    if not placed.any():
        found.reason = "no contact has coordinates in the head (electrodes.tsv)"
        return found
    found.contacts = Contacts(
        list(table.loc[placed, "name"]),
        table.loc[placed, _XYZ].to_numpy(float),
        *(marks[mark][placed] for mark in MARKS),
    )
    return found


def with_key(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that name a contact, with the name in lower case as key."""
    table = table.assign(key=table["name"].str.lower())
    return table[~table["key"].isin({"", "n/a"})].reset_index(drop=True)


def _placeable(electrodes, tables, coordsystem, t1w, images) -> tuple[list[_Placeable], list[str]]:
    """The files whose space is known, nearest to the T1w first, and why the others can't be used."""
    usable, reasons = [], []
    for path, table in zip(electrodes, tables, strict=True):
        missing = [axis for axis in "xyz" if axis not in table]
        if missing:
            raise InvalidInput(
                f"the table has no column {missing[0]!r}", file=path, hint="add it as BIDS requires"
            )
        described_by = _coordsystem_of(path, coordsystem)
        if described_by is None:
            reasons.append(f"{path.name} has no coordsystem.json")
            continue
        description = read_metadata(described_by)
        frame = frame_of(description, t1w, images)
        if isinstance(frame, str):
            reasons.append(f"{frame} ({described_by.name})")
            continue
        unit = description["iEEGCoordinateUnits"]
        usable.append(_Placeable(path, described_by, unit, frame, table))
    return sorted(usable, key=lambda each: RANK[each.frame.kind]), reasons


def _placed(placeable, carry, scalp_mri_mm, found, reasons) -> pd.DataFrame | None:
    """One row per contact (name, key, position in the T1w, placed); None where no file serves.

    A space that is further from the T1w is used only for contacts that no nearer one places.
    """
    tables, placed_by_rank = [], {}
    for each in placeable:
        rank = RANK[each.frame.kind]
        nearer = set().union(*(keys for r, keys in placed_by_rank.items() if r < rank))
        if tables and set(each.table["key"]) <= nearer:
            continue
        carried = carry(each.frame)
        if isinstance(carried, str):
            reasons.append(f"{carried} ({each.described_by.name})")
            continue
        table = each.table[["name", "key"]].copy()
        xyz, known = _numbers(each, found.warnings)
        if known.any():
            xyz[known] = to_mm(
                xyz[known],
                each.unit,
                carried.to_mri_mm,
                scalp_mri_mm,
                each.path,
                each.described_by,
            )
        tables.append(table.assign(**dict(zip(_XYZ, xyz.T, strict=True)), placed=known, rank=rank))
        placed_by_rank.setdefault(rank, set()).update(table.loc[known, "key"])
        found.warnings += [text for text in (each.frame.warning, carried.warning) if text]
        found.doubts += carried.doubts
        found.transforms.append(
            {
                "file": each.path.name,
                "space": each.frame.space,
                "method": carried.method,
                "quality": carried.quality,
            }
        )
    return _without_repeats(pd.concat(tables, ignore_index=True), found) if tables else None


def _numbers(each: _Placeable, warnings: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (n, 3) and whether all three are numbers (n,)."""
    cells = each.table[["x", "y", "z"]]
    xyz = cells.apply(pd.to_numeric, errors="coerce").to_numpy(float, copy=True)
    odd = ~np.isfinite(xyz) & ~cells.isin(["n/a", ""]).to_numpy()
    if odd.any():
        warnings.append(
            f"{odd.any(1).sum()} contacts of {each.path.name} have coordinates that are no numbers, "
            f"such as {cells.to_numpy()[odd][0]!r}; they count as unknown."
        )
    return xyz, np.isfinite(xyz).all(1)


def _without_repeats(table: pd.DataFrame, found: Resolution) -> pd.DataFrame:
    """One row per contact name, a placed one in the nearest space first."""
    table = table.sort_values(["placed", "rank"], ascending=[False, True], kind="stable")
    for name, rows in table[table["placed"]].groupby("key", sort=False):
        pos = rows.loc[rows["rank"] == rows["rank"].min(), _XYZ].to_numpy(float)
        if np.linalg.norm(pos - pos[0], axis=1).max() > SAME_CONTACT_MM:
            found.warnings.append(f"Contact {name} has several positions; the first one is used.")
    return table.drop_duplicates("key").sort_index()


def _usable(table: pd.DataFrame, scalp_mri_mm: np.ndarray, found: Resolution) -> np.ndarray:
    """The contacts (n,) with a position that can be that of a contact in this head."""
    placed = table["placed"].to_numpy(bool).copy()
    outside_mm = np.full(len(table), -np.inf)
    if placed.any():
        outside_mm[placed] = outside_head_mm(table.loc[placed, _XYZ].to_numpy(float), scalp_mri_mm)
    far = outside_mm > HEAD_TOLERANCE_MM
    n_outside = int((outside_mm > 0).sum())
    found.counts["outside_scalp"] = n_outside
    found.counts["far_outside_scalp"] = int(far.sum())
    if n_outside:
        found.warnings.append(
            f"{n_outside} of {placed.sum()} contacts lie outside the scalp"
            + (
                f"; {', '.join(table.loc[far, 'name'][:5])}, more than {HEAD_TOLERANCE_MM:.0f} mm "
                "outside, left out."
                if far.any()
                else "."
            )
        )
    return placed & ~far


def _coordsystem_of(electrodes: Path, coordsystem: list[Path]) -> Path | None:
    """The coordsystem.json of the same entities, else the only one of the same folder."""
    stem = electrodes.name.removesuffix("_electrodes.tsv")
    for path in coordsystem:
        if path.parent == electrodes.parent and path.name == f"{stem}_coordsystem.json":
            return path
    beside = [path for path in coordsystem if path.parent == electrodes.parent]
    return beside[0] if len(beside) == 1 else None


def _count(marks: dict[str, np.ndarray], placed: np.ndarray, found: Resolution) -> None:
    found.counts |= {
        "contacts": len(placed),
        "contacts_without_position": int((~placed).sum()),
    }
    for mark, marked in marks.items():
        found.counts[mark] = int((marked & placed).sum())
        lost = int((marked & ~placed).sum())
        if lost:
            found.warnings.append(f"{lost} {mark} contacts have no usable coordinates.")
