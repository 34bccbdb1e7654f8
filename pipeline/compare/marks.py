"""Which contacts are seizure onset, resected, or the resection's edge: every home of these marks."""

import numpy as np
import pandas as pd

from pipeline.compare.labels import MARKS, OPTION, ContactLabels, Rule
from pipeline.tables import normalised, words

_SOZ = frozenset({"soz", "seizureonset", "seizureonsetzone"})
_RESECTED = frozenset({"resect", "resected"})
_EDGE = frozenset({"resectededge"})
# Where a mark may stand, most explicit first.
RULES = {
    "soz": (
        Rule("electrodes.tsv", "soz"),
        Rule("electrodes.tsv", "seizure_zone", _SOZ, frozenset({"nonsoz"})),
        Rule("channels.tsv", "status_description", _SOZ, frozenset({"nonsoz"})),
    ),
    "resected": (
        Rule("electrodes.tsv", "resected"),
        Rule("electrodes.tsv", "seizure_zone", _RESECTED, frozenset({"nonresected"})),
        Rule("channels.tsv", "status_description", _RESECTED, frozenset({"nonresected"})),
    ),
    "edge": (
        Rule("electrodes.tsv", "edge"),
        Rule("electrodes.tsv", "seizure_zone", _EDGE),
    ),
}
_YES, _NO = {"yes", "true", "1", "1.0", "y"}, {"no", "false", "0", "0.0", "n"}
_NOTHING = {"n/a", "", "na", "nan"}
_KNOWN_WORDS = _SOZ | _RESECTED | _EDGE | {"nonsoz", "nonresected"}
_KNOWN_ZONES = {"irritativezone", "earlypropagationzone"}
# A word that holds one of these is meant as a mark, even where it is spelt as none.
_TELLING = ("soz", "onset", "resec")


def resolve_mark(
    mark: str,
    labels: ContactLabels,
    electrodes: pd.DataFrame,
    channels: pd.DataFrame | None,
    warnings: list[str],
) -> tuple[set[str], str | None]:
    """The names (lower case) that carry a mark, and the rule that said so.

    The first rule that marks any contact decides; where others say something else, a warning does.

    Parameters
    ----------
    mark : str
        One of `MARKS`.
    labels : ContactLabels
    electrodes, channels : DataFrame or None
        All rows of all files, with the column ``key``, the name in lower case.
    warnings : list of str
        Gets a sentence for everything that is doubtful.
    """
    if mark in labels.listed:
        names, used = set(labels.listed[mark]), f"{OPTION} (list)"
    else:
        names, used = _by_rules(mark, labels, electrodes, channels, warnings)
    lost = sorted(names - set(electrodes["key"]))
    if lost:
        warnings.append(
            f"{len(lost)} {mark} channels have no contact of that name "
            f"in electrodes.tsv: {', '.join(lost[:5])}."
        )
    return names, used


def _by_rules(mark, labels, electrodes, channels, warnings) -> tuple[set[str], str | None]:
    found = {}
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
        marked, denied = set(table.loc[yes, "key"]), set(table.loc[no, "key"])
        if both := sorted(marked & denied):
            warnings.append(
                f"{rule.name} both marks and denies {mark} for {', '.join(both[:5])}; "
                "the mark is used."
            )
        if marked or denied:
            found[rule.name] = marked
    used = next((name for name, marked in found.items() if marked), None)
    if len({frozenset(marked) for marked in found.values()}) > 1:
        counts = ", ".join(f"{name} ({len(marked)})" for name, marked in found.items())
        warnings.append(f"Files disagree on the {mark} contacts: {counts}; {used} is used.")
    return found.get(used, set()), used


def read_cells(column: pd.Series, rule: Rule) -> tuple[np.ndarray, np.ndarray, set[str]]:
    """What the cells of a column say by a rule.

    Returns
    -------
    yes, no : ndarray of bool, (n,)
        The cell sets the mark, or says that it is not set; both where it contradicts itself.
    unknown : set of str
        Cells or words that look like a statement but are none.
    """
    if rule.meaning is None:
        cell = column.map(normalised)
        unknown = set(column[~cell.isin(_YES | _NO | _NOTHING)])
        return cell.isin(_YES).to_numpy(bool), cell.isin(_NO).to_numpy(bool), unknown
    # The whole cell counts as a word, too: a centre's own label may hold a comma.
    said = column.map(lambda cell: words(cell) | {normalised(cell)})
    yes = said.map(lambda own: bool(own & rule.meaning)).to_numpy(bool)
    no = said.map(lambda own: bool(own & rule.denying)).to_numpy(bool)
    unknown = set()
    if not rule.custom:
        for word in set().union(*column.map(words)) - _KNOWN_WORDS - _NOTHING:
            in_zones = rule.column == "seizure_zone" and word not in _KNOWN_ZONES
            if in_zones or any(part in word for part in _TELLING):
                unknown.add(word)
    return yes, no, unknown


def check_plausible(marked: dict[str, np.ndarray], warnings: list[str]) -> None:
    """Warn where marks (n_contacts,) distinguish nothing."""
    for mark in MARKS[:2]:
        if len(marked[mark]) > 1 and marked[mark].all():
            warnings.append(
                f"All {len(marked[mark])} contacts are marked as {mark}: the marks tell nothing "
                "about where the others would be."
            )
