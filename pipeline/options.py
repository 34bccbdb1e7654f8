"""A stage's options: each one's default, unit, meaning and allowed values stand in its field.

A configuration is a frozen dataclass whose fields are made by `option`. It calls `check_options`
when it is made, so that no value that is not allowed reaches a stage.
"""

import dataclasses
import math
import reprlib
import types
import typing
import unicodedata
from dataclasses import dataclass

LARGEST_SEED = 2**31 - 1
_LONGEST_TEXT = 1000
_shown = reprlib.Repr()
_shown.maxstring = _shown.maxother = 80
_shown.maxlist = _shown.maxtuple = 8


@dataclass(frozen=True)
class Allowed:
    """What an option, or each member of a list, may be.

    Attributes
    ----------
    low, high : float
        Smallest and largest number.
    above, below : float
        Limits that no number may take itself.
    choices : tuple
        All values that there are; empty where the limits decide.
    empty : bool
        Whether a text or list may be empty.
    """

    low: float = -math.inf
    high: float = math.inf
    above: float = -math.inf
    below: float = math.inf
    choices: tuple = ()
    empty: bool = False

    def __contains__(self, value) -> bool:
        if self.choices:
            return value in self.choices
        if isinstance(value, str):
            # Control characters and halves of characters: no name has them, and logs would.
            odd = any(unicodedata.category(letter) in ("Cc", "Cs") for letter in value)
            return not odd and len(value) <= _LONGEST_TEXT and (self.empty or bool(value.strip()))
        within = self.low <= value <= self.high and self.above < value < self.below
        return math.isfinite(value) and within

    def describe(self, kind: type, unit: str = "") -> str:
        """For people: "0.1 to 20 Hz", "A4 or Letter"."""
        unit = f" {unit}" if unit else ""
        if self.choices:
            return " or ".join(map(str, self.choices)) + unit
        if kind is str:
            return f"text of {0 if self.empty else 1} to {_LONGEST_TEXT} characters, on one line"
        limits = [
            f"{words} {limit:.10g}"
            for words, limit in (
                ("more than", self.above),
                ("at least", self.low),
                ("less than", self.below),
                ("at most", self.high),
            )
            if math.isfinite(limit)
        ]
        return " and ".join(limits) + unit if limits else f"any number{unit}"


def option(default, help: str, *, unit: str = "", **limits):
    """A dataclass field for an option.

    Parameters
    ----------
    default : int, float, str or tuple
    help : str
        What it means.
    unit : str
    **limits
        Of `Allowed`.
    """
    about = {"help": help, "unit": unit, "allowed": Allowed(**limits)}
    return dataclasses.field(default=default, metadata=types.MappingProxyType(about))


def member_type(config_class: type, name: str) -> tuple[type, int | None]:
    """Type of an option, or of its members, and how many it has: 1, a number, or None for any."""
    hint = typing.get_type_hints(config_class)[name]
    if typing.get_origin(hint) is not tuple:
        return hint, 1
    members = typing.get_args(hint)
    return members[0], None if members[-1] is Ellipsis else len(members)


def from_values(config_class: type, values: dict):
    """Make a configuration of values as TOML and the command line have them.

    Whole numbers become floats, and lists tuples, where the option's type asks for it.

    Raises
    ------
    ValueError
        The text names the option, its value and what is allowed.
    """
    names = [field.name for field in dataclasses.fields(config_class)]
    for name in values:
        if name not in names:
            raise ValueError(f"has no option {name[:80]!r}; the options are {', '.join(names)}")
    return config_class(**{name: _typed(config_class, name, values[name]) for name in values})


def check_options(config) -> None:
    """Refuse what an option cannot be; for ``__post_init__``.

    Raises
    ------
    ValueError
        The text names the option, its value and what is allowed.
    """
    for field in dataclasses.fields(config):
        allowed, value = field.metadata["allowed"], getattr(config, field.name)
        kind, n = member_type(type(config), field.name)
        members = (value,) if n == 1 else value
        meant = allowed.describe(kind, field.metadata["unit"])
        if not members and not allowed.empty:
            raise ValueError(f"{field.name} is an empty list; allowed is {meant}")
        for member in members:
            if member not in allowed:
                raise ValueError(f"{field.name} is {_shown.repr(member)}; allowed is {meant}")


def _typed(config_class: type, name: str, value):
    kind, n = member_type(config_class, name)
    if n == 1:
        return _of_kind(kind, name, value)
    if not isinstance(value, list | tuple) or (n is not None and len(value) != n):
        many = "" if n is None else f"{n} times "
        raise ValueError(
            f"{name} is {_shown.repr(value)}, which is no list of {many}{kind.__name__}"
        )
    return tuple(_of_kind(kind, name, member) for member in value)


def _of_kind(kind: type, name: str, value):
    if kind is float and type(value) is int:
        return float(value) if abs(value) < 2**53 else math.inf
    if type(value) is not kind:  # isinstance takes True for a number
        raise ValueError(f"{name} is {_shown.repr(value)}, which is no {kind.__name__}")
    return value
