"""Warnings that a reader must not miss: page one of the report tells every one of them."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Doubt:
    """One reservation about what the result rests on.

    Attributes
    ----------
    text : str
        A sentence without a full stop.
    grave : bool
        The result may be wrong altogether, for example on the wrong side: the report's verdict is
        "do not rely on this result".
    """

    text: str
    grave: bool = False


def each_once(doubts: Iterable[Doubt]) -> tuple[Doubt, ...]:
    """The same doubts without repeats, in the order of the first of each."""
    return tuple(dict.fromkeys(doubts))
