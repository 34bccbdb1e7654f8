"""Records as JSON objects: keys as the fields are declared, and nothing read that is not declared.

A field whose default is None is left out of the object where it is None; any other is null there.
The keys of a record in a field with the metadata `AMONG_THE_KEYS` stand among those of its owner.
"""

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from pipeline.errors import InvalidInput
from pipeline.files import read_json

Record = TypeVar("Record")
_AMONG = "among the keys"
AMONG_THE_KEYS = {_AMONG: True}
"""Metadata of a field whose record has no key of its own: its keys stand among the owner's."""


class Unfit(ValueError):
    """How a JSON object differs from its record."""


def document(record: Any) -> dict[str, Any]:
    """The JSON object of a record."""
    content: dict[str, Any] = {}
    for each in fields(record):
        value = getattr(record, each.name)
        if _AMONG in each.metadata:
            content |= {} if value is None else document(value)
        elif value is not None or each.default is not None:
            content[each.name] = _as_json(value)
    return content


def read_record(kind: type[Record], file: Path, hint: str) -> Record:
    """The record that a JSON file holds.

    Raises
    ------
    InvalidInput
        The file is unreadable, or has a key too many or too few, or a value of another kind; `hint`
        says what to do.
    """
    try:
        return record_of(kind, read_json(file))
    except Unfit as error:
        raise InvalidInput(
            f"the file is not what this version writes: {error}", file=file, hint=hint
        ) from error


def record_of(kind: type[Record], content: Mapping[str, Any], where: str = "it") -> Record:
    """The record of a JSON object; `Unfit` where the two differ."""
    record = part_of(kind, content, where)
    unknown = set(content) - set(document(record))
    if unknown:
        raise Unfit(f"{where} has the unknown key '{min(unknown)}'")
    return record


def part_of(kind: type[Record], content: Mapping[str, Any], where: str = "it") -> Record:
    """The record of some of an object's keys; `Unfit` where one lacks."""
    hints, values = get_type_hints(kind), {}
    for each in fields(kind):  # type: ignore[arg-type]
        hint = hints[each.name]
        if _AMONG in each.metadata:
            values[each.name] = _part_among(hint, content, where)
        elif each.name in content:
            values[each.name] = _value(hint, content[each.name], f"{where}: {each.name}")
        elif each.default is None:
            values[each.name] = None
        else:
            raise Unfit(f"{where} has no key '{each.name}'")
    return kind(**values)


def _part_among(hint: Any, content: Mapping[str, Any], where: str) -> Any:
    """Of several kinds the one that shares most keys with the object; None may stand for none."""
    kinds = [kind for kind in _alternatives(hint) if kind is not type(None)]
    shared = {kind: len(_keys(kind) & set(content)) for kind in kinds}
    kind = max(kinds, key=lambda kind: shared[kind])
    if not shared[kind] and type(None) in _alternatives(hint):
        return None
    return part_of(kind, content, where)


def _keys(kind: Any) -> set[str]:
    hints, keys = get_type_hints(kind), set()
    for each in fields(kind):
        if _AMONG in each.metadata:
            parts = [part for part in _alternatives(hints[each.name]) if is_dataclass(part)]
            keys |= {key for part in parts for key in _keys(part)}
        else:
            keys.add(each.name)
    return keys


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _value(hint: Any, value: Any, where: str) -> Any:
    alternatives = _alternatives(hint)
    if value is None and type(None) in alternatives:
        return None
    (kind,) = (each for each in alternatives if each is not type(None))
    if is_dataclass(kind) and isinstance(value, dict):
        return record_of(kind, value, where)  # type: ignore[arg-type]
    outer, inner = get_origin(kind) or kind, get_args(kind)
    if outer is dict and isinstance(value, dict):
        return {key: _value(inner[1], each, f"{where}: {key}") for key, each in value.items()}
    if outer is tuple and isinstance(value, list):
        of_each = inner[:1] * len(value) if inner[1:] == (...,) else inner
        if len(of_each) == len(value):
            return tuple(
                _value(each, item, where) for each, item in zip(of_each, value, strict=True)
            )
    if outer is np.ndarray and isinstance(value, list):
        return np.array(value, float)
    if outer is Any or type(value) is outer or (outer is float and type(value) is int):
        return value
    raise Unfit(f"{where} is not of the kind {getattr(kind, '__name__', kind)}")


def _as_json(value: Any) -> Any:
    if is_dataclass(value):
        return document(value)
    if isinstance(value, Mapping):
        return {key: _as_json(each) for key, each in value.items()}
    return [_as_json(each) for each in value] if isinstance(value, tuple | list) else value
