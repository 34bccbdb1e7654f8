"""Joining the names of channels and of lists to the contacts of electrodes.tsv."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from pipeline.names import bipolar_pair, contact_key, match
from pipeline.tables import NOT_GIVEN

NO_CONTACT = ""
# By BIDS's column type of channels.tsv.
IEEG_TYPES = {"seeg", "ecog", "dbs", "ieeg"}


def with_keys(tables: dict[Path, pd.DataFrame]) -> dict[Path, pd.DataFrame]:
    """The rows of each electrodes.tsv that name a contact.

    Parameters
    ----------
    tables : dict of Path to DataFrame
        With the column ``name``.

    Returns
    -------
    dict of Path to DataFrame
        With the columns ``key``, which a contact has in every spelling, ``file`` and ``bipolar``.
        Names of one table that would share a key are different contacts: these are known by their
        spelling alone.
    """
    named = {file: _naming(table, file).assign(bipolar=False) for file, table in tables.items()}
    clashing = set()
    for table in named.values():
        spellings = table["name"].str.lower().groupby(table["name"].map(contact_key)).nunique()
        clashing |= set(spellings.index[spellings > 1])
    keyed = {}
    for file, table in named.items():
        key = table["name"].map(contact_key)
        keyed[file] = table.assign(key=key.mask(key.isin(clashing), table["name"].str.lower()))
    return keyed


def joined(channels: pd.DataFrame, file: Path, electrodes: pd.DataFrame) -> pd.DataFrame:
    """The rows of one channels.tsv, with the contacts that they are of.

    Returns
    -------
    DataFrame
        With the columns ``key`` (`NO_CONTACT` where the name is none), ``bipolar`` and ``file``; a
        bipolar channel has a row for each of its contacts.
    """
    channels = _naming(channels, file)
    meant = contacts_meant(channels["name"], electrodes)
    rows = channels.assign(key=channels["name"].map(meant))
    rows["bipolar"] = rows["key"].map(len) > 1
    return rows.explode("key", ignore_index=True)


def contacts_meant(names: Iterable[str], electrodes: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """The keys of the contacts that each name means: two of a bipolar channel, `NO_CONTACT` of none.

    A bipolar channel of which one name is no contact means both: the other, and none.
    """
    names = list(dict.fromkeys(names))
    key_of = electrodes.drop_duplicates("key").set_index("name")["key"].to_dict()
    pairs = {name: pair for name in names if (pair := bipolar_pair(name)) is not None}
    halves = dict.fromkeys(half for pair in pairs.values() for half in pair)
    found = match([*names, *halves], key_of, contact_key).found
    meant = {}
    for name in names:
        parts = (name,) if name in found else pairs.get(name, (name,))
        keys = tuple(key_of[found[part]] if part in found else NO_CONTACT for part in parts)
        meant[name] = keys if any(keys) else (NO_CONTACT,)
    return meant


def without_contact(channels: pd.DataFrame | None) -> list[str]:
    """Names of the iEEG channels that are no contact."""
    if channels is None:
        return []
    lost = channels["key"] == NO_CONTACT
    if "type" in channels:
        lost &= channels["type"].str.lower().isin(IEEG_TYPES | NOT_GIVEN)
    return list(dict.fromkeys(channels.loc[lost, "name"]))


def some(names: Sequence[str], n: int = 5) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - n} more" if len(names) > n else ""
    return ", ".join(names[:n]) + more


def _naming(table: pd.DataFrame, file: Path) -> pd.DataFrame:
    named = ~table["name"].str.lower().isin(NOT_GIVEN)
    return table[named].reset_index(drop=True).assign(file=str(file))
