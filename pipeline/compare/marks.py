"""Which contacts are seizure onset, resected, or the resection's edge: every home of these marks."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.compare.contact_names import NO_CONTACT, contacts_meant, some
from pipeline.compare.labels import MARKS, OPTION, TABLES, ContactLabels, Rule
from pipeline.spikes.meanings import levels_of
from pipeline.tables import NOT_GIVEN, normalised, words

_YES = frozenset({"yes", "true", "1", "1.0", "y", "x", "+"})
_NO = frozenset({"no", "false", "0", "0.0", "n"})
_SOZ, _NO_SOZ = (
    frozenset({"soz", "seizureonset", "seizureonsetzone"}),
    frozenset({"nonsoz", "notsoz"}),
)
_RESECTED = frozenset({"resect", "resected"})
_NOT_RESECTED = frozenset({"nonresected", "notresected"})
_EDGE = frozenset({"resectededge"})


def _homes(columns: tuple[str, ...], meaning: frozenset, denying=frozenset()) -> tuple[Rule, ...]:
    """Columns of its own, then those that hold several marks; of each, both tables."""
    own = (
        Rule(table, column, _YES | meaning, _NO | denying, of_one_mark=True)
        for column in columns
        for table in TABLES
    )
    shared = (
        Rule(table, column, meaning, denying)
        for column, tables in (("seizure_zone", TABLES), ("status_description", TABLES[::-1]))
        for table in tables
    )
    return (*own, *shared)


# Where a mark may stand, most explicit first.
RULES = {
    "soz": _homes(("soz",), _SOZ, _NO_SOZ),
    "resected": _homes(("resected", "resection"), _RESECTED, _NOT_RESECTED),
    "edge": _homes(("edge",), _EDGE),
}
_KNOWN_WORDS = _SOZ | _NO_SOZ | _RESECTED | _NOT_RESECTED | _EDGE
_UNDERSTOOD = _KNOWN_WORDS | _YES | _NO
_KNOWN_ZONES = {"irritativezone", "earlypropagationzone"}
# A word that holds one of these is meant as a mark, even where it is spelt as none.
_TELLING = ("soz", "onset", "resec")
# A column whose name holds one of these may hold marks.
_TELLING_COLUMNS = (*_TELLING, "zone", "seiz", "ictal", "epilep", "ablat", "removed")
_TELLING_CELLS = ("soz", "seizureonset", "resect")
# Columns that hold names, and those that `with_keys` and `joined` add.
_OF_THE_JOIN = ("name", "key", "file", "bipolar")


@dataclass(frozen=True)
class Marked:
    """The contacts that carry a mark.

    Attributes
    ----------
    keys : set of str
    rule : str or None
        Where the mark stands, None where nowhere.
    lost : tuple of str
        Names that carry it and are no contact.
    n_bipolar : int
        Names that carry it and are bipolar channels.
    """

    keys: frozenset[str] = frozenset()
    rule: str | None = None
    lost: tuple[str, ...] = ()
    n_bipolar: int = 0


def with_levels(table: pd.DataFrame, descriptions: dict[str, dict]) -> pd.DataFrame:
    """The table, cells that its sidecar explains by a word of a mark (``Levels``) in that word.

    Parameters
    ----------
    table : DataFrame of str
    descriptions : dict
        By column, as `read_descriptions` gives them.
    """
    explained = {}
    for column in table.columns.intersection(list(descriptions)):
        meant = levels_of(table[column], descriptions[column])
        explained[column] = meant.where(meant.map(normalised).isin(_UNDERSTOOD), table[column])
    return table.assign(**explained)


def resolve_mark(
    mark: str,
    labels: ContactLabels,
    electrodes: pd.DataFrame,
    channels: pd.DataFrame | None,
    warnings: list[str],
) -> Marked:
    """Find the contacts that carry a mark.

    The first rule that marks any contact decides; where others say something else, a warning does.

    Parameters
    ----------
    mark : str
        One of `MARKS`.
    labels : ContactLabels
    electrodes, channels : DataFrame or None
        All rows of all files, as `with_keys` and `joined` give them.
    warnings : list of str
        Gets a sentence for everything that is doubtful.
    """
    if mark in labels.listed:
        meant = contacts_meant(sorted(labels.listed[mark]), electrodes)
        keys = frozenset(key for keys in meant.values() for key in keys) - {NO_CONTACT}
        lost = tuple(name for name, keys in meant.items() if NO_CONTACT in keys)
        n_bipolar = sum(len(keys) > 1 for keys in meant.values())
        marked = Marked(keys, f"{OPTION} (list)", lost, n_bipolar)
    else:
        marked = _by_rules(mark, labels, electrodes, channels, warnings)
    if marked.n_bipolar:
        warnings.append(
            f"{marked.n_bipolar} names that {marked.rule} marks as {mark} are bipolar channels: both "
            "contacts of each count."
        )
    return marked


def _by_rules(mark, labels, electrodes, channels, warnings) -> Marked:
    found: dict[str, Marked] = {}
    for rule in labels.rules.get(mark, RULES[mark]):
        table = electrodes if rule.table == "electrodes.tsv" else channels
        if table is None or rule.column not in table:
            if rule.custom:
                warnings.append(f"{rule.name} is not among the columns.")
            continue
        yes, no, unknown = read_cells(table[rule.column], rule)
        if unknown:
            warnings.append(
                f"{rule.name} holds words that are not understood and mark nothing: "
                f"{', '.join(sorted(unknown)[:5])} (name them with {OPTION})."
            )
        of_contact = (table["key"] != NO_CONTACT).to_numpy(bool)
        lost = tuple(dict.fromkeys(table.loc[yes & ~of_contact, "name"]))
        if (yes | no).any():
            keys = frozenset(table.loc[yes & of_contact, "key"])
            n_bipolar = table.loc[yes & table["bipolar"], "name"].nunique()
            found[rule.name] = Marked(keys, rule.name, lost, n_bipolar)
            _warn_of_contradictions(mark, rule, table, yes, no, warnings)
    used = next((one for one in found.values() if one.keys), None)
    if used is not None and len({one.keys for one in found.values()}) > 1:
        counts = ", ".join(f"{name} ({len(one.keys)})" for name, one in found.items())
        warnings.append(f"Files disagree on the {mark} contacts: {counts}; {used.rule} is used.")
    return used or next((one for one in found.values() if one.lost), Marked())


def _warn_of_contradictions(mark, rule, table, yes, no, warnings: list[str]) -> None:
    """Tell of contacts that one column both marks and does not mark.

    What is denied of a bipolar channel may still hold for one of its contacts.
    """
    rows = table.assign(yes=yes, no=no & ~table["bipolar"])[table["key"] != NO_CONTACT]
    name = rows.groupby("key")["name"].first()
    each = rows.groupby(["file", "key"])[["yes", "no"]].any()
    both = each.index[each["yes"] & each["no"]].get_level_values("key")
    if len(both):
        warnings.append(
            f"{rule.name} both marks and denies {mark} for {some(list(name[both.unique()]))}; "
            "the mark is used."
        )
    # A file that says nothing at all is no witness.
    says = (yes | no) & (table["key"] != NO_CONTACT)
    witnesses = each[each.index.isin(set(table.loc[says, "file"]), level="file")]
    marked = witnesses["yes"].groupby("key")
    some_only = marked.any() & ~marked.all()
    if some_only.any():
        warnings.append(
            f"Runs disagree on the {mark} contacts ({rule.name}): {some(list(name[some_only]), 20)} "
            "not marked in all of them; marked in one is marked."
        )


def read_cells(column: pd.Series, rule: Rule) -> tuple[np.ndarray, np.ndarray, set[str]]:
    """What the cells of a column say by a rule.

    Returns
    -------
    yes, no : ndarray of bool, (n,)
        The cell sets the mark, or says that it is not set; both where it contradicts itself.
    unknown : set of str
        Cells or words that look like a statement but are none.
    """
    if rule.of_one_mark:
        cell = column.map(normalised)
        unknown = set(column[~cell.isin(rule.meaning | rule.denying | NOT_GIVEN)])
        return *(cell.isin(said).to_numpy(bool) for said in (rule.meaning, rule.denying)), unknown
    # The whole cell counts as a word, too: a centre's own label may hold a comma.
    said = column.map(lambda cell: words(cell) | {normalised(cell)})
    yes = said.map(lambda own: bool(own & rule.meaning)).to_numpy(bool)
    no = said.map(lambda own: bool(own & rule.denying)).to_numpy(bool)
    unknown = set()
    if not rule.custom:
        for word in set().union(*column.map(words)) - _KNOWN_WORDS - NOT_GIVEN:
            in_zones = rule.column == "seizure_zone" and word not in _KNOWN_ZONES
            if in_zones or any(part in word for part in _TELLING):
                unknown.add(word)
    return yes, no, unknown


def unread_columns(tables: dict[str, pd.DataFrame | None], labels: ContactLabels) -> list[str]:
    """Columns (``table:column``) that look like marks by name or content, say something, and are no rule's."""
    rules = [rule for mark in MARKS for rule in (*RULES[mark], *labels.rules.get(mark, ()))]
    read = {(rule.table, rule.column) for rule in rules}
    return [
        f"{table}:{column}"
        for table, rows in tables.items()
        if rows is not None
        for column in rows.columns.difference(_OF_THE_JOIN, sort=False)
        if (table, column) not in read
        and not rows[column].str.lower().isin(NOT_GIVEN).all()
        and (any(part in column for part in _TELLING_COLUMNS) or _tells(rows[column]))
    ]


def _tells(cells: pd.Series) -> bool:
    """Whether cells speak of seizure onset or resection: comments do."""
    return any(part in normalised(cell) for cell in cells.unique() for part in _TELLING_CELLS)


def check_plausible(marked: dict[str, np.ndarray], warnings: list[str]) -> None:
    """Warn where marks (n_contacts,) distinguish nothing."""
    for mark in MARKS[:2]:
        if len(marked[mark]) > 1 and marked[mark].all():
            warnings.append(
                f"All {len(marked[mark])} contacts are marked as {mark}: the marks tell nothing "
                "about where the others would be."
            )
