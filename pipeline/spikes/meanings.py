"""Which words name a spike, and what ``events.json`` says of an ``events.tsv``'s cells."""

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pipeline.errors import InvalidInput
from pipeline.files import read_metadata
from pipeline.tables import NOT_GIVEN

_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "µs", "μs", "usec", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
}
# "s", "[s]", "time in seconds"
_UNIT = re.compile(r"(?:time\s+)?(?:in\s+)?[\[(]?\s*([a-zµμ]+)")
# Branches of HED and its SCORE library that hold words of spikes and are none: benign variants
# ("Wicket-spikes-pattern") and artefacts, free text, and the end of what began in another row.
_NO_EVENT_IN_HED = re.compile(
    r"(^|/)(physiologic-pattern|uncertain-significant-pattern|artifact|description|definition)(/|$)"
    r"|-pattern$|-artifact$",
)
_LIBRARY = re.compile(r"^[a-z]+:(?!/)")
# "no spike", "without clear spikes", "non-epileptiform"; but not "non-REM spike".
_DENIED_BEFORE = re.compile(
    r"(?<![a-z])(?:non[\s_\-]+|(?:no|not|without)[\s_\-]+(?:[a-z]+[\s_\-]+){0,2})$", re.IGNORECASE
)
# Not "artifact-free" or "muscle-free".
_NOT_FREE = r"(?![\s_\-]*free)"
# "spike-free", "spikes: none", "spike (no)", but "spike no. 3"; "spike rejected", "spike artifact".
_DENIED_BEHIND = re.compile(
    rf"[\s_\-:=,(]*(?:free|none|false|absent|excluded|rejected|art[ei]fact(?:ual)?s?{_NOT_FREE})(?![a-z])"
    r"|[\s_\-:=,(]*no[)\s]*$",
    re.IGNORECASE,
)
# What spikes without being a discharge: of the heart, of muscle, of a device, of a healthy sleeper.
_NO_DISCHARGE_BEFORE = re.compile(
    r"(?<![a-z])(?<!no )(?<!non-)(?<!without )"
    rf"(?:art[ei]fact(?:ual)?|ecg|ekg|eog|emg|muscle|wicket|benign|pseudo){_NOT_FREE}"
    r"[\s_\-:]+(?:[a-z]+[\s_\-]+){0,2}$",
    re.IGNORECASE,
)
# Where a program writes begin and end of one spike in two rows, the second is no other spike.
_END_BEHIND = re.compile(r"[\s_\-:]*(?:end|stop|off|offset)(?![a-z])", re.IGNORECASE)
_END_BEFORE = re.compile(
    r"(?<![a-z])(?:end|stop|off|offset)[\s_\-]+(?:of[\s_\-]+)?(?:[a-z]+[\s_\-]+)?$",
    re.IGNORECASE,
)
_NOT_BEFORE = (_DENIED_BEFORE, _NO_DISCHARGE_BEFORE, _END_BEFORE)
_NOT_BEHIND = (_DENIED_BEHIND, _END_BEHIND)


def name_pattern(names: tuple[str, ...]) -> re.Pattern:
    """Pattern of the names as whole words in any case, a plural s or a number behind allowed.

    ``IED`` finds ``IED_left`` and ``IEDs`` but neither ``verified`` nor ``carried``.
    """
    alternatives = []
    for name in names:
        words = [re.escape(word) for word in re.split(r"[\s_\-/]+", name.strip()) if word]
        if words:
            closing = r"(?!\d)" if name.strip()[-1].isdigit() else r"s?(?![a-z])"
            alternatives.append(r"[\s_\-/]*".join(words) + closing)
    if not alternatives:
        raise InvalidInput("no name for spikes is given", hint="give one with --spike-name")
    return re.compile(r"(?<![a-z0-9])(?:" + "|".join(alternatives) + ")", re.IGNORECASE)


def names_spike(text: str, pattern: re.Pattern) -> bool:
    """Whether a text holds one of the names and means it, as "no spike" and "spike artifact" do not."""
    return any(
        not any(before.search(text[: found.start()]) for before in _NOT_BEFORE)
        and not any(behind.match(text, found.end()) for behind in _NOT_BEHIND)
        for found in pattern.finditer(text)
    )


def read_descriptions(sidecars: Sequence[Path], notes: list[str]) -> dict[str, dict]:
    """Merge the ``events.json`` files that apply to a table, by column in lower case.

    A general file may give the levels of a column that a specific one only describes, as programs
    write it by default: what the specific one leaves out is not contradicted by it.

    Parameters
    ----------
    sidecars : sequence of Path
        The most specific first.
    notes : list of str
        Gets a sentence for each file that cannot be read, whose columns stay without a description, or
        is not UTF-8.
    """
    merged: dict[str, dict] = {}
    for path in reversed(sidecars):
        try:
            columns = read_metadata(path, notes)
        except InvalidInput as error:
            notes.append(f"{path.name} was not used: {error.message}.")
            continue
        for name, description in columns.items():
            if isinstance(description, dict):
                key = name.strip().lower()
                merged[key] = merged.get(key, {}) | description
    return merged


def seconds_per_unit(column: str, description: dict, file: Path) -> float:
    """The unit that ``events.json`` declares for onsets or durations; seconds where it is silent.

    Raises
    ------
    InvalidInput
        The unit is none of time.
    """
    unit = description.get("Units")
    if unit is None or unit == "":
        return 1.0
    word = _UNIT.match(unit.strip().lower()) if isinstance(unit, str) else None
    if word is None or word[1] not in _SECONDS:
        raise InvalidInput(
            f"events.json gives the column {column!r} in {str(unit)[:20]!r}, which is no unit of time",
            file=file,
            hint="write it in seconds, as BIDS requires",
        )
    return _SECONDS[word[1]]


def levels_of(cells: pd.Series, description: dict) -> pd.Series:
    """For each cell the text that ``Levels`` gives for it; empty where there is none."""
    levels = description.get("Levels")
    texts = {}
    if isinstance(levels, dict):
        for level, text in levels.items():
            if isinstance(text, dict):
                text = text.get("Description")
            if isinstance(text, str):
                texts[_cell_key(level)] = text
    return cells.map(lambda cell: texts.get(_cell_key(cell), ""))


def hed_of(cells: pd.Series, description: dict) -> pd.Series:
    """For each cell the HED string that ``HED`` gives for it; empty where there is none.

    A string instead of an object holds for every row that has a value in the column.
    """
    hed = description.get("HED")
    if isinstance(hed, str):
        return cells.map(lambda cell: "" if cell.strip().lower() in NOT_GIVEN else hed)
    texts = {}
    if isinstance(hed, dict):
        texts = {_cell_key(level): text for level, text in hed.items() if isinstance(text, str)}
    return cells.map(lambda cell: texts.get(_cell_key(cell), ""))


def hed_names_spike(hed: str, pattern: re.Pattern) -> bool:
    """Whether one of the tags, in long or short form, is that of a spike's begin."""
    tags = [_LIBRARY.sub("", tag.strip().lower()) for tag in re.split(r"[(),{}]", hed)]
    if "offset" in tags or any(tag.endswith("/offset") for tag in tags):
        return False
    return any(names_spike(tag, pattern) and _NO_EVENT_IN_HED.search(tag) is None for tag in tags)


def _cell_key(cell: str) -> str:
    """``3``, ``3.0`` and `` 3`` alike."""
    text = cell.strip().lower()
    return re.sub(r"^([+-]?\d+)\.0*$", r"\1", text)
