"""The iEEG contacts of a dataset: their positions in the T1w and their marks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from pipeline.compare.config import NO_CONTACTS
from pipeline.compare.contact_names import joined, some, with_keys, without_contact
from pipeline.compare.coordinates import HEAD_TOLERANCE_MM
from pipeline.compare.frames import Frame
from pipeline.compare.labels import MARKS, OPTION, ContactLabels
from pipeline.compare.marks import (
    Marked,
    check_plausible,
    resolve_mark,
    unread_columns,
    with_levels,
)
from pipeline.compare.placing import XYZ, Carried, place
from pipeline.compare.sides import midline_of, side_doubts
from pipeline.doubts import Doubt
from pipeline.errors import InvalidInput
from pipeline.metrics._case import Contacts
from pipeline.records.compare_qc import ContactTransformQC
from pipeline.spikes.meanings import read_descriptions
from pipeline.tables import read_tsv, stacked


@dataclass
class Resolution:
    """What the dataset's iEEG files came to.

    Attributes
    ----------
    contacts : Contacts or None
        None where `reason` says why there are no usable positions.
    no_soz : str or None
        Why none of the contacts is seizure onset.
    rules : dict
        Where each mark was found ("channels.tsv:status_description"), None where nowhere.
    counts : dict of str to int
        By the fields of `ContactCountsQC`.
    transforms : list of ContactTransformQC
        For each file used.
    """

    contacts: Contacts | None = None
    reason: str | None = None
    no_soz: str | None = None
    warnings: list[str] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    rules: dict[str, str | None] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    transforms: list[ContactTransformQC] = field(default_factory=list)


def resolve_contacts(
    electrodes: list[Path],
    channels: list[Path],
    coordsystem: list[Path],
    t1w: Path,
    images: list[Path],
    labels: ContactLabels,
    carry: Callable[[Frame], Carried | str],
    scalp_mri_mm: np.ndarray,
    tables_json: Mapping[Path, Sequence[Path]] = MappingProxyType({}),
    no_contacts: str = NO_CONTACTS,
    unread_marks: str = "",
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
    tables_json : mapping of Path to sequence of Path
        Sidecars of `electrodes` and `channels`, the most specific first.
    no_contacts, unread_marks : str
        Why there are no `electrodes`; names of tables elsewhere that seem to hold marks.

    What cannot be used is told in the resolution: none of these files is needed for anything else.
    """
    found = Resolution(warnings=list(labels.warnings))
    if not electrodes:
        found.reason = no_contacts
        return found
    tables, reasons = _read(electrodes, tables_json, found.warnings)
    tables = with_keys(tables)
    channel_tables, channel_reasons = _read(channels, tables_json, found.warnings)
    found.warnings += [f"Channels left out: {reason}." for reason in channel_reasons]
    unreadable = [*reasons, *channel_reasons]
    placement = place(tables, coordsystem, t1w, images, carry, scalp_mri_mm)
    table, found.transforms = placement.table, placement.transforms
    found.warnings += placement.warnings
    found.doubts += placement.doubts
    reasons = list(dict.fromkeys([*reasons, *placement.reasons]))
    if table is None:
        found.reason = "; ".join(reasons)
        return found
    found.warnings += [f"Contacts left out: {reason}." for reason in reasons]
    # Marks count from every row, also of repeated contacts and of files in a space that is not used.
    rows = stacked(list(tables.values()))
    channel_rows = stacked([joined(each, file, rows) for file, each in channel_tables.items()])
    told: dict[str, list[str]] = {mark: [] for mark in MARKS}
    marked = {mark: resolve_mark(mark, labels, rows, channel_rows, told[mark]) for mark in MARKS}
    found.warnings += dict.fromkeys(chain(*told.values()))
    found.rules = {mark: one.rule for mark, one in marked.items()}
    marks = {mark: table["key"].isin(one.keys).to_numpy(bool) for mark, one in marked.items()}
    _tell_lost(marked, found)
    check_plausible(marks, found.warnings)
    unread = unread_columns({"electrodes.tsv": rows, "channels.tsv": channel_rows}, labels)
    _tell_unread(unread, found)
    placed = _usable(table, found)
    _count(marks, placed, found)
    found.counts["channels_without_contact"] = len(without_contact(channel_rows))
    if not placed.any():
        found.reason = "no contact has coordinates in the head (electrodes.tsv)"
        return found
    found.contacts = Contacts(
        list(table.loc[placed, "name"]),
        table.loc[placed, XYZ].to_numpy(float),
        *(marks[mark][placed] for mark in MARKS),
    )
    found.doubts += side_doubts(table[placed], rows, midline_of(scalp_mri_mm))
    if not found.contacts.soz.any():
        not_read = [f"{each} was not read" for each in (*unread, unread_marks) if each]
        doubts = [*labels.warnings, *told["soz"], *unreadable, *not_read]
        found.no_soz = _why_no_soz(marked["soz"], [text.rstrip(".") for text in doubts])
    return found


def _tell_lost(marked: dict[str, Marked], found: Resolution) -> None:
    """Tell of marked names that are no contact; where no SOZ mark is left, the reason says it."""
    for mark, one in marked.items():
        told = (
            f"{len(one.lost)} names that {one.rule} marks as {mark} are no contact of "
            f"electrodes.tsv: {some(one.lost)}"
        )
        if one.lost and mark != "soz":
            found.warnings.append(f"{told}.")
        elif one.lost and one.keys:
            found.doubts.append(Doubt(told))


def _tell_unread(columns: list[str], found: Resolution) -> None:
    if columns:
        found.warnings.append(
            f"{', '.join(columns)} may hold marks, but no rule reads it; name it with {OPTION} if so."
        )


def _why_no_soz(soz: Marked, doubts: list[str]) -> str:
    """Why no contact with a position is marked as seizure onset, and what speaks against that."""
    if soz.keys:
        n = f"{len(soz.keys)} contacts are" if len(soz.keys) > 1 else "one contact is"
        return f"{n} marked as seizure onset in {soz.rule}, but without usable coordinates"
    if soz.lost:
        return (
            f"{len(soz.lost)} SOZ marks were found in {soz.rule}, but none of these names is a "
            f"contact of electrodes.tsv (such as {soz.lost[0]})"
        )
    if doubts:
        return f"no mark of seizure onset could be read: {'; '.join(doubts)}"
    return "no contact is marked as seizure onset"


def _read(
    paths: list[Path], tables_json: Mapping[Path, Sequence[Path]], warnings: list[str]
) -> tuple[dict[Path, pd.DataFrame], list[str]]:
    """The tables by their files, and why others cannot be read."""
    tables, reasons = {}, []
    for path in paths:
        try:
            table = read_tsv(path, ("name",), warnings)
            descriptions = read_descriptions(tables_json.get(path, ()), warnings)
            tables[path] = with_levels(table, descriptions)
        except InvalidInput as error:
            reasons.append(error.reason)
    return tables, reasons


def _usable(table: pd.DataFrame, found: Resolution) -> np.ndarray:
    """The contacts (n,) with a position that can be that of a contact in this head."""
    placed = table["placed"].to_numpy(bool).copy()
    outside_mm = table["outside_mm"].to_numpy(float)
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
