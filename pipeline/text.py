"""Text that came out of files, made fit for terminals, logs, tables and pages."""

import unicodedata

_REPLACEMENT = "\ufffd"
# Control characters, halves of characters, and what breaks lines or turns the reading direction.
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
)


def plain(text: object) -> str:
    """One line that every encoding can write and that steers no terminal.

    Line ends and tabs become spaces; any other control character, undecodable byte of a file name
    or mark that turns the reading direction becomes U+FFFD.
    """
    return "".join(_shown(letter) for letter in str(text))


def western(content: bytes) -> str:
    """Text of Windows, whose typographic primes Latin-1 lacks; as Latin-1 where it is none."""
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _shown(letter: str) -> str:
    if letter in "\t\n\v\f\r\x85\u2028\u2029":
        return " "
    if letter in _TURNING or unicodedata.category(letter) in _UNPRINTABLE:
        return _REPLACEMENT
    return letter


_SIDES = (("R", "L"), ("A", "P"), ("S", "I"))


def along(axis: int, value_mm: float) -> str:
    """One coordinate of RAS by its letter: "P 23" for -23 along the second axis."""
    value = round(float(value_mm))
    return f"{_SIDES[axis][value < 0]}\u00a0{abs(value)}"
