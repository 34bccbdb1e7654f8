"""Where in the T1w the contacts of each electrodes.tsv are."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.compare.contact_names import some
from pipeline.compare.coordinates import (
    MIN_MIDDLE_MM,
    fits_better,
    in_possible_unit,
    of_other_unit,
    outside_head_mm,
)
from pipeline.compare.coordsystems import description_of
from pipeline.compare.frames import RANK, T1W, Frame, frame_of
from pipeline.compare.images import middle_of
from pipeline.doubts import Doubt
from pipeline.errors import InvalidInput
from pipeline.names import folder_session, session_of
from pipeline.records.compare_qc import ContactTransformQC
from pipeline.stated_places import UNIT_IN_MM, stands_for_none, unit_of
from pipeline.tables import numbers

SAME_CONTACT_MM = 1.0
# Two ways to localise a contact agree better than this; another implantation's need not.
OTHER_CONTACT_MM = 10.0
_LPS = np.array([-1.0, -1.0, 1.0])
XYZ = ["x_mri_mm", "y_mri_mm", "z_mri_mm"]


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
    head_mm : ndarray, (n, 3), or None
        Outline of the head that the carried positions must lie in; None for the T1w's scalp.
    """

    to_mri_mm: Callable[[np.ndarray], np.ndarray]
    method: str
    quality: dict[str, float] = field(default_factory=dict)
    warning: str | None = None
    doubts: tuple[Doubt, ...] = ()
    head_mm: np.ndarray | None = None


@dataclass
class Placement:
    """Where the contacts are, and what there is to tell of it.

    Attributes
    ----------
    table : DataFrame or None
        One row per contact: ``name``, ``key``, `XYZ`, ``placed``, ``outside_mm`` (how far outside
        the head); None where no file serves.
    reasons : list of str
        Why files were not used.
    transforms : list of ContactTransformQC
        For each file used.
    """

    table: pd.DataFrame | None = None
    reasons: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    transforms: list[ContactTransformQC] = field(default_factory=list)


@dataclass(frozen=True)
class _Placeable:
    """One electrodes.tsv whose space can be carried to the T1w."""

    path: Path
    described_by: Path
    unit: str
    frame: Frame
    table: pd.DataFrame


def place(
    tables: dict[Path, pd.DataFrame],
    coordsystem: list[Path],
    t1w: Path,
    images: list[Path],
    carry: Callable[[Frame], Carried | str],
    scalp_mri_mm: np.ndarray,
) -> Placement:
    """Place the contacts of every file whose space can be carried to the T1w.

    A space that is further from the T1w is used only for contacts that no nearer one places.

    Parameters
    ----------
    tables : dict of Path to DataFrame
        As `with_keys` gives them.
    coordsystem, t1w, images, carry, scalp_mri_mm
        As for `resolve_contacts`.
    """
    done = Placement()
    placed: list[pd.DataFrame] = []
    keys_by_rank: dict[int, set[str]] = {}
    for each in _placeable(tables, coordsystem, t1w, images, done):
        rank = RANK[each.frame.kind]
        nearer = set[str]().union(*(keys for r, keys in keys_by_rank.items() if r < rank))
        if placed and set(each.table["key"]) <= nearer:
            continue
        carried = carry(each.frame)
        if isinstance(carried, str):
            done.reasons.append(f"{carried} ({each.described_by.name})")
            continue
        table = _in_t1w(each, carried, scalp_mri_mm, done)
        if table is None:
            continue
        placed.append(table.assign(rank=rank, space=each.frame.space))
        keys_by_rank.setdefault(rank, set()).update(table.loc[table["placed"], "key"])
        done.warnings += [text for text in (each.frame.warning, carried.warning) if text]
        done.doubts += each.frame.doubts + carried.doubts
        done.doubts += _in_other_axes(each, table, t1w, scalp_mri_mm)
        done.transforms.append(
            ContactTransformQC(
                file=each.path.name,
                space=each.frame.space,
                method=carried.method,
                quality=carried.quality,
            )
        )
    if placed:
        done.table = _without_repeats(pd.concat(placed, ignore_index=True), done)
    return done


def _placeable(tables, coordsystem, t1w, images, done: Placement) -> list[_Placeable]:
    """The files whose space is known, nearest to the T1w first."""
    usable = []
    for path, table in tables.items():
        missing = [axis for axis in "xyz" if axis not in table]
        if missing:
            done.reasons.append(f"{path.name} has no column {missing[0]!r}")
            continue
        told: list[str] = []
        try:
            described_by, description = description_of(path, coordsystem, told)
        except InvalidInput as error:
            done.reasons.append(error.reason)
            continue
        frame = frame_of(description, t1w, images)
        if isinstance(frame, str):
            done.reasons.append(f"{frame} ({described_by.name})")
            continue
        done.warnings += told
        done.doubts += _of_another_scan(path, frame, description, t1w)
        unit = unit_of(description["iEEGCoordinateUnits"])
        assert unit is not None  # a frame is of a known unit
        usable.append(_Placeable(path, described_by, unit, frame, table))
    return sorted(usable, key=lambda each: RANK[each.frame.kind])


def _of_another_scan(path: Path, frame: Frame, description: dict, t1w: Path) -> list[Doubt]:
    """A doubt where the contacts' session has a T1w of its own, and which image they are of is not said."""
    if frame.kind != T1W or description.get("IntendedFor") or folder_session(path) is None:
        return []
    if session_of(path) == session_of(t1w):
        return []
    own = sorted((path.parent.parent / "anat").glob("[!.]*_T1w.nii*"))
    return [
        Doubt(
            f"The contacts of {path.name} name no image (IntendedFor), and their session has {image.name}; "
            f"they were taken as of {t1w.name}: if they are of the other, all may be shifted"
        )
        for image in own[:1]
    ]


def _in_other_axes(
    each: _Placeable, table: pd.DataFrame, t1w: Path, scalp_mri_mm: np.ndarray
) -> list[Doubt]:
    """A grave doubt where contacts lie in the head clearly better if they are in LPS or FreeSurfer's tkRAS."""
    if each.frame.kind != T1W or each.frame.doubts:
        return []
    pos_mm = table.loc[table["placed"], XYZ].to_numpy(float)
    ways = [(pos_mm * _LPS, "in LPS", "left and right may be exchanged")]
    middle_mm = middle_of(t1w)
    if middle_mm is not None and np.linalg.norm(middle_mm) >= MIN_MIDDLE_MM:
        shifted = f"all contacts may be shifted by {np.linalg.norm(middle_mm):.0f} mm"
        what = "in FreeSurfer's tkRAS, whose origin is the middle of the image"
        ways.append((pos_mm + middle_mm, what, shifted))
    found = [(fits_better(pos_mm, way_mm, scalp_mri_mm), *told) for way_mm, *told in ways]
    fitting = [(*shares, *told) for shares, *told in found if shares is not None]
    return [
        Doubt(
            f"As declared (scanner RAS), {stated:.0%} of the contacts of {each.path.name} lie below the scalp; "
            f"{what}, {moved:.0%} would: {risk}",
            grave=True,
        )
        for stated, moved, what, risk in fitting
    ]


def _in_t1w(each: _Placeable, carried: Carried, scalp_mri_mm, done: Placement):
    """The contacts of one file; None where no unit of length fits the head."""
    xyz, known = _numbers(each, done.warnings)
    head_mm = scalp_mri_mm if carried.head_mm is None else carried.head_mm
    outside_mm = np.full(len(xyz), -np.inf)
    if known.any():
        fitting = in_possible_unit(xyz[known], each.unit, carried.to_mri_mm, head_mm)
        if isinstance(fitting, str):
            done.reasons.append(f"the contacts of {each.path.name} {fitting}")
            return None
        given = xyz.copy()
        xyz[known], unit = fitting
        odd = of_other_unit(given * UNIT_IN_MM[unit], known, each.table["key"].to_numpy())
        if odd.any():
            done.doubts.append(
                Doubt(
                    f"{odd.sum()} contacts of {each.path.name} lie at the origin or nearer to one another "
                    "than contacts do, as if they were in another unit than the rest: "
                    f"{some(list(each.table['name'][odd]))}; they were left out"
                )
            )
            known = known & ~odd
        outside_mm[known] = outside_head_mm(xyz[known], head_mm)
        if unit != each.unit:
            done.doubts.append(
                Doubt(
                    f"The contacts of {each.path.name} are declared in {each.unit}, in which they do "
                    f"not lie in this head; they were read in {unit}, the only unit in which they do"
                )
            )
    position = dict(zip(XYZ, xyz.T, strict=True))
    return each.table[["name", "key"]].assign(**position, placed=known, outside_mm=outside_mm)


def _numbers(each: _Placeable, warnings: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (n, 3) and whether all three are numbers (n,)."""
    columns = [each.table[axis] for axis in "xyz"]
    xyz, odd = (np.column_stack(part) for part in zip(*map(numbers, columns), strict=True))
    if odd.any():
        cells = np.column_stack(columns)
        warnings.append(
            f"{odd.any(1).sum()} contacts of {each.path.name} have coordinates that are no numbers, "
            f"such as {cells[odd][0]!r}; they count as unknown."
        )
    commas = np.column_stack([column.str.contains(",", regex=False) for column in columns])
    commas &= np.isfinite(xyz)
    if commas.any():
        cell, value = np.column_stack(columns)[commas][0], xyz[commas][0]
        warnings.append(
            f"The coordinates of {each.path.name} have decimal commas: {cell!r} was read as {value:g}."
        )
    known = np.isfinite(xyz).all(1)
    stand_in = known & stands_for_none(xyz)
    if stand_in.any():
        place = ", ".join(f"{value:g}" for value in xyz[stand_in][0])
        warnings.append(
            f"{stand_in.sum()} contacts of {each.path.name} lie at ({place}) or another place that no "
            f"contact has or has to itself, which stands for none: {some(list(each.table['name'][stand_in]))}; "
            "they count as unknown."
        )
    return xyz, known & ~stand_in


def _without_repeats(table: pd.DataFrame, done: Placement) -> pd.DataFrame:
    """One row per contact, a placed one in the nearest space first."""
    table = table.sort_values(["placed", "rank"], ascending=[False, True], kind="stable")
    known = table[table["placed"]]
    first = known.groupby("key")[["rank", "space", *XYZ]].transform("first")
    apart_mm = pd.Series(np.linalg.norm(known[XYZ] - first[XYZ], axis=1), known.index)
    alike = known["rank"] == first["rank"]
    # Two templates place one contact as their anatomy has it: only in one space are two places two.
    of_one_space = alike & (known["space"] == first["space"])
    moved_mm = apart_mm[alike].groupby(known["key"]).max()
    other = apart_mm[of_one_space].groupby(known["key"]).max() > OTHER_CONTACT_MM
    table = table.drop_duplicates("key").sort_index()
    is_other = table["key"].isin(other.index[other])
    moved_mm = table["key"].map(moved_mm).where(~is_other).fillna(0)
    moved = moved_mm > SAME_CONTACT_MM
    if moved.any():
        done.warnings.append(
            f"Contacts {some(list(table.loc[moved, 'name']))} have several positions, up to "
            f"{moved_mm.max():.1f} mm apart; the first one is used."
        )
    if is_other.any():
        done.doubts.append(
            Doubt(
                f"{is_other.sum()} contacts have several positions more than {OTHER_CONTACT_MM:.0f} mm "
                f"apart, and which is meant is not said: {some(list(table.loc[is_other, 'name']))}; "
                "they were left out"
            )
        )
    return table.assign(placed=table["placed"] & ~is_other)
