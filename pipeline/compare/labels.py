"""A centre's own way of marking contacts: the mapping file that overrides the built-in rules."""

from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import InvalidInput
from pipeline.files import read_json
from pipeline.names import match, participant_label
from pipeline.tables import normalised

MARKS = ("soz", "resected", "edge")
TABLES = ("electrodes.tsv", "channels.tsv")
OPTION = "--contact-labels"


@dataclass(frozen=True)
class Rule:
    """One home of a mark.

    Attributes
    ----------
    table : str
        "electrodes.tsv" or "channels.tsv".
    column : str
    meaning : frozenset of str
        Normalised words that set the mark.
    denying : frozenset of str
        Words that say the opposite.
    of_one_mark : bool
        The column is there for this mark: every cell says yes or no to it.
    custom : bool
        From the mapping file.
    """

    table: str
    column: str
    meaning: frozenset[str]
    denying: frozenset[str] = frozenset()
    of_one_mark: bool = False
    custom: bool = False

    @property
    def name(self) -> str:
        home = f"{self.table}:{self.column}"
        return f"{OPTION} ({home})" if self.custom else home


@dataclass(frozen=True)
class ContactLabels:
    """What the mapping file says for one participant.

    Attributes
    ----------
    rules : dict of str to tuple of Rule
        By mark; a mark that is absent keeps its built-in rules.
    listed : dict of str to frozenset of str
        By mark, the contacts' names as written; they override every rule.
    warnings : tuple of str
    """

    rules: dict[str, tuple[Rule, ...]] = field(default_factory=dict)
    listed: dict[str, frozenset[str]] = field(default_factory=dict)
    warnings: tuple[str, ...] = field(default=(), compare=False)


def read_contact_labels(path: Path | None, sub: str = "") -> ContactLabels:
    """Read the mapping file.

    Per mark (soz, resected, edge) it holds ``{"electrodes.tsv:COLUMN": ["word", ...]}`` or, under
    ``participants``, ``{"sub-01": {"soz": ["A1", "A2"]}}``, with or without ``sub-``.

    Parameters
    ----------
    path : Path or None
        None gives an empty mapping.
    sub : str
        Participant with ``sub-``.

    Raises
    ------
    InvalidInput
        The file is unreadable or says something else.
    """
    if path is None:
        return ContactLabels()
    try:
        content = read_json(path)
    except (OSError, InvalidInput) as error:
        raise InvalidInput(
            "the contact labels cannot be read as JSON", file=path, hint=f"check {OPTION}"
        ) from error
    _check_keys(content, (*MARKS, "participants"), path)
    participants = content.get("participants", {})
    _check_keys(participants, None, path)
    for marks in participants.values():
        _check_keys(marks, MARKS, path)
        for names in marks.values():
            _check_words(names, path)
    listed: dict[str, list[str]] = {}
    warnings: tuple[str, ...] = ()
    if sub and participants:
        meant = match([sub], participants, participant_label)
        if meant.ambiguous:
            raise _wrong(f"{sub} is listed twice, with and without sub-", path)
        listed = participants[meant.found[sub]] if meant.found else {}
        if not meant.found:
            warnings = (
                f"{OPTION} lists contacts of {len(participants)} participants, but not of {sub}.",
            )
    return ContactLabels(
        rules={mark: _rules(content[mark], path) for mark in MARKS if mark in content},
        listed={mark: frozenset(name.strip() for name in names) for mark, names in listed.items()},
        warnings=warnings,
    )


def _rules(homes, path: Path) -> tuple[Rule, ...]:
    _check_keys(homes, None, path)
    rules = []
    for home, meaning in homes.items():
        table, _, column = home.partition(":")
        if table not in TABLES or not column:
            raise _wrong(f"{home!r} names no column", path)
        _check_words(meaning, path)
        meant = frozenset(normalised(word) for word in meaning)
        rules.append(Rule(table, column.strip().lower(), meant, custom=True))
    return tuple(rules)


def _check_keys(content, known: tuple[str, ...] | None, path: Path) -> None:
    if not isinstance(content, dict):
        raise _wrong(f"{str(content)[:40]!r} stands where an object belongs", path)
    if known is None:
        return
    unknown = [key for key in content if key not in known]
    if unknown:
        raise _wrong(f"{unknown[0]!r} is none of {', '.join(known)}", path)


def _check_words(names, path: Path) -> None:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _wrong(f"{str(names)[:40]!r} stands where a list of words belongs", path)


def _wrong(message: str, path: Path) -> InvalidInput:
    return InvalidInput(
        f"the contact labels are not understood: {message}",
        file=path,
        hint='write {"soz": {"electrodes.tsv:COLUMN": ["word"]}} or '
        '{"participants": {"sub-01": {"soz": ["A1", "A2"]}}}',
    )
