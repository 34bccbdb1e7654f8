"""Which characters the report's typeface can show: nobody should read boxes."""

from functools import cache

from fontTools.ttLib import TTFont

from pipeline.text import plain
from reports.figures.style import FONT_FAMILY
from reports.fonts import font_files

# Line breaks and joiners have no picture of their own.
_NO_PICTURE = frozenset(map(ord, "\n\t\u2060\u200b\u200c\u200d\ufe0f"))
_SHOWN = 5


def lacking(text: str) -> list[str]:
    """The characters, once each, that any face of the typeface lacks."""
    if text.isascii():
        return []
    return sorted({letter for letter in text if ord(letter) not in _known() | _NO_PICTURE})


def sentence_about(name: str, text: str) -> str | None:
    """Why a text cannot be printed, its characters by number alone; None where it can."""
    missing = lacking(text)
    if not missing:
        return None
    more = " and others" if len(missing) > _SHOWN else ""
    return (
        f"{name} has characters that the report's typeface {FONT_FAMILY} lacks "
        f"({', '.join(map(_number, missing[:_SHOWN]))}{more}): write it in Latin, Greek or Cyrillic "
        "letters"
    )


def printable(text: str) -> str:
    """One line without control characters; what the typeface lacks stands there by its number."""
    text = plain(text)
    for letter in lacking(text):
        text = text.replace(letter, f"[{_number(letter)}]")
    return text


def _number(letter: str) -> str:
    return f"U+{ord(letter):04X}"


@cache
def _known() -> frozenset[int]:
    """Code points that all faces have."""
    faces = [set(TTFont(file, lazy=True).getBestCmap()) for file, _, _ in font_files()]
    return frozenset(set.intersection(*faces))
