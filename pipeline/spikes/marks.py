"""What is known of a recording's channels beforehand: marks of bad ones, types, projectors."""

import re
from pathlib import Path

import mne
import pandas as pd

from pipeline.errors import InvalidInput
from pipeline.modality import modality_of, picks_against_average
from pipeline.modality.eeg import MODALITY as EEG
from pipeline.modality.eeg import all_picks, unplaced_names
from pipeline.names import Match, channel_key, match
from pipeline.readers import own_names
from pipeline.spikes.events import listed
from pipeline.spikes.recording import set_auxiliary_types
from pipeline.tables import NOT_GIVEN, read_tsv

# "bad", "bad (noisy)", "bad;flat"
_BAD = re.compile(r"bad(?![a-z])")


def read_channels_tsv(path: Path, notes: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Channels marked bad, and channel types, of a BIDS ``channels.tsv``.

    Parameters
    ----------
    path : Path
    notes : list of str
        Gets a sentence where a state is neither good nor bad.

    Returns
    -------
    bad : dict
        Name to ``status_description`` (may be empty).
    types : dict
        Every name to its BIDS type in capitals, empty where the table has no types.
    """
    table = read_tsv(path, ("name",), notes)
    empty = pd.Series("", table.index)
    status, why, types = (
        table.get(column, empty) for column in ("status", "status_description", "type")
    )
    status = status.str.lower()
    marked = status.str.match(_BAD).to_numpy(bool)
    why = why.where(~why.str.lower().isin(NOT_GIVEN), "")
    unread = [column for column in table if "bad" in column or "quality" in column]
    if unread and "status" not in table:
        notes.append(
            f"{path.name} has no column status, by which channels are marked bad, and its column "
            f"{unread[0][:20]!r} is not read."
        )
    odd = table["name"][~status.isin({"good", *NOT_GIVEN}) & ~marked]
    if len(odd):
        notes.append(
            f"{len(odd)} channels of {path.name} are marked neither good nor bad "
            f"({listed(odd)}); they count as good."
        )
    bad = dict(zip(table["name"][marked], why[marked], strict=True))
    return bad, dict(zip(table["name"], types.str.upper(), strict=True))


def channel_marks(
    raw: mne.io.BaseRaw, path: Path, channels_tsv: Path | None, notes: list[str]
) -> dict[str, str]:
    """Channels that the recording or its ``channels.tsv`` marks as bad, with the reason.

    Also makes known to `raw` the heart and eye channels that only the table names as such.

    Parameters
    ----------
    raw : mne.io.BaseRaw
    path : Path
        Of the recording, whose maker may have other names for its channels.
    channels_tsv : Path or None
    notes : list of str
        Gets a sentence where the table cannot be used, or names channels that are not here.

    Returns
    -------
    bad : dict
        Name in the recording to reason.
    """
    notes += _unplaced_note(raw, path)
    bad = {name: "marked bad in the recording" for name in raw.info["bads"]}
    if channels_tsv is None:
        return bad
    try:
        marked, types = read_channels_tsv(channels_tsv, notes)
    except InvalidInput as error:
        notes.append(
            f"{channels_tsv.name} was not used: {error.message}. Which channels it would mark as "
            "bad is not known."
        )
        return bad
    joined = match(types, raw.ch_names, channel_key)
    if joined.lost:
        joined = _by_own_names(joined, raw, path)
    if joined.lost:
        n_bad = sum(name in marked for name in joined.lost)
        notes.append(
            f"{len(joined.lost)} of {len(types)} names of {channels_tsv.name} fit no channel of "
            f"the recording, or several ({listed(joined.lost)}); {n_bad} of them are marked bad."
        )
    typed = {own: types[name] for name, own in joined.found.items()}
    no_electrodes = _no_electrodes(raw, typed, channels_tsv, notes)
    # What is imaged stays what the head model takes it for.
    set_auxiliary_types(raw, {own: kind for own, kind in typed.items() if own not in no_electrodes})
    # What the clinic wrote about a channel may name a person: it stays in the clinic's file.
    own = [joined.found[name] for name in marked if name in joined.found]
    return bad | no_electrodes | dict.fromkeys(own, "marked bad in channels.tsv")


def _no_electrodes(
    raw: mne.io.BaseRaw, typed: dict[str, str], channels_tsv: Path, notes: list[str]
) -> dict[str, str]:
    """EEG channels that are to be imaged and that ``channels.tsv`` calls something else, with that as reason.

    `notes` gets a sentence for them, and for those that the table alone calls EEG.
    """
    if not modality_of(raw.info).average_reference:
        return {}
    imaged = {raw.ch_names[pick] for pick in picks_against_average(raw.info)}
    not_given = {word.upper() for word in NOT_GIVEN}
    other = [own for own in typed if own in imaged and typed[own] not in {EEG.label, *not_given}]
    if other:
        notes.append(
            f"{len(other)} EEG channels of the recording are no EEG by {channels_tsv.name} ({listed(other)}); "
            "they count as bad."
        )
    all_eeg = {raw.ch_names[pick] for pick in all_picks(raw.info)}
    lost = [own for own, kind in typed.items() if kind == EEG.label and own not in all_eeg]
    if lost:
        notes.append(
            f"{len(lost)} channels that {channels_tsv.name} calls EEG are none in the recording and were not "
            f"used ({listed(lost)})."
        )
    return dict.fromkeys(other, "no EEG by channels.tsv")


def _unplaced_note(raw: mne.io.BaseRaw, path: Path) -> list[str]:
    """A sentence where electrodes have no place: their channels are not used."""
    names = unplaced_names(raw.info) if modality_of(raw.info).average_reference else []
    if not names:
        return []
    return [
        f"{len(names)} EEG channels of {path.name} have no electrode whose place is known and were "
        f"not used ({listed(names)})."
    ]


def _by_own_names(joined: Match, raw: mne.io.BaseRaw, path: Path) -> Match:
    """The same with names that only the maker gives the channels."""
    own = {name: here for name, here in own_names(path).items() if here in raw.ch_names}
    more = match(joined.unknown, own, channel_key)
    found = joined.found | {name: own[theirs] for name, theirs in more.found.items()}
    return Match(found, more.unknown, joined.ambiguous + more.ambiguous)


def join_projectors(info: mne.Info, notes: list[str]) -> None:
    """Give the channels in the recording's projectors the names that its channels have.

    mne leaves a channel out of a projector where the two are not written alike.

    Parameters
    ----------
    info : mne.Info
    notes : list of str
        Gets a sentence for each projector that names channels which are not here.
    """
    for number, projector in enumerate(info["projs"], 1):
        names = projector["data"]["col_names"]
        joined = match(names, info["ch_names"], channel_key)
        projector["data"]["col_names"] = [joined.found.get(name, name) for name in names]
        if joined.lost:
            notes.append(
                f"{len(joined.lost)} of {len(names)} channels of projector {number} "
                f"are not in the recording ({listed(joined.lost)})."
            )
