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
from typing import Any

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
    choices : tuple or `Registry`
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
        if kind is bool:
            return "true or false"
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


def option(default: Any, help: str, *, unit: str = "", file: bool = False, **limits: Any) -> Any:
    """A dataclass field for an option.

    Parameters
    ----------
    default : int, float, str or tuple
    help : str
        What it means.
    unit : str
    file : bool
        Whether it names a file, whose content counts and not where it lies; empty names none.
    **limits
        Of `Allowed`.
    """
    about = {"help": help, "unit": unit, "file": file, "allowed": Allowed(**limits)}
    return dataclasses.field(default=default, metadata=types.MappingProxyType(about))


def member_type(config_class: type, name: str) -> tuple[type, int | None]:
    """Type of an option, or of its members, and how many it has: 1, a number, or None for any."""
    hint = typing.get_type_hints(config_class)[name]
    if typing.get_origin(hint) is not tuple:
        return hint, 1
    members = typing.get_args(hint)
    return members[0], None if members[-1] is Ellipsis else len(members)


def file_options(config: Any) -> dict[str, str]:
    """The options that name a file, with what they say; empty where they name none."""
    return {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if field.metadata["file"]
    }


def from_values(config_class: type, values: dict):
    """Make a configuration of values as TOML and the command line have them.

    Whole numbers become floats, and lists tuples, where the option's type asks for it.

    Raises
    ------
    ValueError
        The text names the option, its value and what is allowed.
    """
    fields = {field.name: field for field in dataclasses.fields(config_class)}
    for name in values:
        if name not in fields:
            raise ValueError(f"Unknown option {name[:80]}; the options are {', '.join(fields)}")
    return config_class(
        **{name: _typed(config_class, fields[name], value) for name, value in values.items()}
    )


def check_options(config) -> None:
    """Refuse what an option cannot be; for ``__post_init__``.

    Raises
    ------
    ValueError
        The text names the option, its value and what is allowed.
    """
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        _, n = member_type(type(config), field.name)
        members = (value,) if n == 1 else value
        if not members and not field.metadata["allowed"].empty:
            raise ValueError(f"{field.name} is an empty list; {_allowed(type(config), field)}")
        for member in members:
            if member not in field.metadata["allowed"]:
                said = _allowed(type(config), field)
                raise ValueError(f"{field.name} is {_shown.repr(member)}; {said}")


def allowed_values(config_class: type, field: dataclasses.Field) -> str:
    """What an option may be, for people."""
    kind, n = member_type(config_class, field.name)
    words = field.metadata["allowed"].describe(kind, field.metadata["unit"])
    return words if n == 1 else f"a list of {'' if n is None else f'{n} times '}{words}"


def _allowed(config_class: type, field: dataclasses.Field) -> str:
    return f"allowed is {allowed_values(config_class, field)}"


def _typed(config_class: type, field: dataclasses.Field, value):
    kind, n = member_type(config_class, field.name)
    listed = isinstance(value, list | tuple)
    if n == 1:
        members = [value]
    elif listed and (n is None or len(value) == n):
        members = value
    else:
        raise ValueError(
            f"{field.name} is {_shown.repr(value)}, which is no list of "
            f"{'' if n is None else f'{n} '}{kind.__name__}; {_allowed(config_class, field)}"
        )
    if kind is float:  # a whole number too large for a float is as good as infinite
        members = [
            (float(member) if abs(member) < 2**53 else math.inf) if type(member) is int else member
            for member in members
        ]
    for member in members:
        if type(member) is not kind:  # isinstance takes True for a number
            raise ValueError(
                f"{field.name} is {_shown.repr(member)}, which is no {kind.__name__}; "
                f"{_allowed(config_class, field)}"
            )
    return members[0] if n == 1 else tuple(members)
