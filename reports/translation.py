"""Page one in another language, from a catalogue: one TOML file of `reports/languages/` each.

A catalogue's table ``texts`` goes from English sentences, with placeholders, to their translation. A
translated page is the English one with each text looked up, so that no number is worked out twice. A
placeholder stands for a quantity or another text of the catalogue; ``{x:q}`` for a quantity alone,
``{x:term}`` for a text without placeholders; ``{x:name}`` for one word and ``{x:asis}`` for anything,
both carried over; ``{x:list}`` and ``{x:items}`` for several texts. What the catalogue lacks stays
English, and the page shows that it does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

from markupsafe import Markup, escape
from matplotlib.font_manager import findSystemFonts

from pipeline.errors import MissingResource
from pipeline.files import read_toml
from pipeline.methods import METHODS
from pipeline.text import plain

ENGLISH = "en"
_FOLDER = Path(str(files("reports") / "languages"))
LANGUAGES = (ENGLISH, *sorted(file.stem for file in _FOLDER.glob("*.toml")))
_PLACEHOLDER = re.compile(r"\{(\w+)(?::(\w+))?\}")
_UNITS = "mm|cm²|cm³|dB|ms|s|Hz|%|°|nA·m"
_QUANTITY = rf"[−-]?\d[\d.,]*(?: ?(?:{_UNITS}))?"
_KINDS = {"name": r"[^\s,;]+", "q": _QUANTITY}
# What no language says otherwise: a number with its unit, coordinates, the names of methods.
_CARRIED = re.compile(rf"{_QUANTITY}|([RLAPSI] \d+ · ){{2}}[RLAPSI] \d+ mm|x, y, z = [−\d, ]+ mm")
_SENTENCES = re.compile(r"(?<=[.!?]) (?=[A-Z0-9])")
_BOUND = re.compile(rf"(?<=\d) (?=(?:{_UNITS})(?:\W|$))|(?<=\b[RLAPSI]) (?=\d)")


@dataclass(frozen=True)
class Language:
    """A catalogue, read.

    Attributes
    ----------
    code : str
    about : dict of str
        ``notice``, ``footnote``, ``gaps``, how lists are joined, and a ``typeface`` if it needs one.
    texts : dict of str
        From English.
    """

    code: str
    about: dict[str, str]
    texts: dict[str, str]

    def patterns(self) -> Iterator[tuple[re.Pattern, str]]:
        """Texts with placeholders, those that say most first."""
        keys = [key for key in self.texts if _PLACEHOLDER.search(key)]
        return ((_compiled(key), key) for key in sorted(keys, key=_rank))


def _rank(key: str) -> tuple[bool, int]:
    """What carries anything over comes last, and what has more text of its own first."""
    kinds = {kind for _, kind in _PLACEHOLDER.findall(key)}
    return bool(kinds & {"asis", "name"}), -len(_PLACEHOLDER.sub("", key))


@cache
def _compiled(key: str) -> re.Pattern:
    parts, end = [], 0
    for found in _PLACEHOLDER.finditer(key):
        parts.append(re.escape(key[end : found.start()]))
        parts.append(f"(?P<{found[1]}>{_KINDS.get(found[2], '.+?')})")
        end = found.end()
    return re.compile("".join([*parts, re.escape(key[end:])]))


@cache
def read_language(code: str) -> Language:
    """The catalogue of a language."""
    content = read_toml(_FOLDER / f"{code}.toml")
    return Language(code, content["about"], content["texts"])


def typeface(language: str) -> tuple[str, Path] | None:
    """Family and file of the typeface that a language needs beside the report's own; None for none.

    Raises
    ------
    MissingResource
        It is not installed.
    """
    name = None if language == ENGLISH else read_language(language).about.get("typeface")
    if name is None:
        return None
    file = next((Path(path) for path in findSystemFonts() if Path(path).name == name), None)
    if file is None:
        package = read_language(language).about["package"]
        raise MissingResource(
            f"The report's language {language} needs the typeface {name}, which is not installed",
            hint=f"install the Debian package {package}, or take another report language",
        )
    return file.stem, file


@dataclass(eq=False)
class Translator:
    """What a template calls for each of its texts, one translator for each page.

    Attributes
    ----------
    language : Language
    lacking : list of str
        The English texts that the catalogue lacks, as they were asked for.
    """

    language: Language
    lacking: list[str] = field(default_factory=list)
    _known: dict[str, str | None] = field(default_factory=dict)

    def __call__(self, text: str) -> Markup:
        """A text in the language; English and marked as that where the catalogue lacks it."""
        if not text:
            return Markup("")
        whole = self.translated(_even(text))
        if whole is not None:
            return escape(_bound(whole))
        parts = _SENTENCES.split(_even(text))
        if len(parts) > 1:
            return Markup(" ").join(self(part) for part in parts)
        self.lacking.append(text)
        return Markup('<span class="untranslated" lang="en">{}</span>').format(plain(text))

    @property
    def gaps(self) -> str:
        """Tells the reader how much is not translated; empty where all is."""
        n = len(self.lacking)
        return self.language.about["gaps"].replace("{n}", str(n)) if n else ""

    def translated(self, text: str) -> str | None:
        """The text in the language; None where the catalogue lacks it or a part of it."""
        if text not in self._known:
            self._known[text] = self._looked_up(text)
        return self._known[text]

    def _looked_up(self, text: str) -> str | None:
        found = None
        if text[:1].isupper():
            found = self._of_catalogue(text[:1].lower() + text[1:])
            found = None if found is None else found[:1].upper() + found[1:]
        if found is None:
            found = self._of_catalogue(text)
        if found is None and text.endswith("."):
            found = self.translated(text[:-1])
            found = None if found is None else found + self.language.about["full_stop"]
        return found

    def _of_catalogue(self, text: str) -> str | None:
        if text in self.language.texts:
            return self.language.texts[text]
        if _CARRIED.fullmatch(text) or text in _method_names():
            return text
        for pattern, key in self.language.patterns():
            found = pattern.fullmatch(text)
            filled = found and self._filled(key, found.groupdict())
            if filled:
                return filled
        return None

    def _filled(self, key: str, values: dict[str, str]) -> str | None:
        kinds = dict(_PLACEHOLDER.findall(key))
        told = {name: self._value(kinds[name], value) for name, value in values.items()}
        if None in told.values():
            return None
        return _PLACEHOLDER.sub(lambda found: told[found[1]] or "", self.language.texts[key])

    def _value(self, kind: str, value: str) -> str | None:
        if kind in ("asis", "name", "q"):
            return value
        if kind == "term":
            return self.language.texts.get(value)
        if kind not in ("list", "items"):
            return self.translated(value)
        parts = [
            self.translated(part)
            for part in re.split("; " if kind == "items" else ", | and ", value)
        ]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        about = self.language.about
        if kind == "items":
            return about["items"].join(known)
        return about["list"].join(known[:-1]) + about["last"] * (len(known) > 1) + known[-1]


def _even(text: str) -> str:
    """With plain spaces, as catalogues have them."""
    return plain(text).replace("\u00a0", " ").strip()


def _bound(text: str) -> str:
    """Units and coordinates' letters on the line of their numbers."""
    return _BOUND.sub("\u00a0", text)


@cache
def _method_names() -> frozenset[str]:
    """Those that are names in every language."""
    names = {told for name in METHODS for told in (METHODS[name].label, METHODS[name].short)}
    return frozenset(name for name in names if any(map(str.isupper, name[1:])))
