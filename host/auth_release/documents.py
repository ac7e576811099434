"""Typed values from JSON that this version of the tool wrote, or an older or newer version.

`SCHEMA` numbers the format of desired states and records; docs/adr/0012-stored-formats.md has the
rules for its growth.
"""

import dataclasses
import functools
import math
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from .errors import ReleaseError

SCHEMA = 7  # 1 is the first format, without a number

T = TypeVar("T")
# cached, as a status reads every record, with the same types
_hints: Callable[[type], dict[str, Any]] = functools.cache(get_type_hints)
_WORDS: Mapping[object, str] = {str: "text", int: "a whole number", float: "a number"}


def schema_of(document: Mapping[str, Any]) -> int:
    """Return a document's schema number; raise ReleaseError for any other value."""
    schema = document.get("schema", 1)
    if type(schema) is not int or schema < 1:
        raise ReleaseError("`schema` must be a whole number from 1")
    return schema


def added(default: Any, *, since: int) -> Any:
    """Declare a field that a later schema added.

    A fingerprint leaves it out while it has its default: else a new field of the tool would cause
    a new release of every service on every host.
    """
    return dataclasses.field(default=default, metadata={"since": since})


def read(kind: type[T], values: object, *, strict: bool, path: str = "") -> T:
    """Build a dataclass from JSON; raise ReleaseError with the wrong field's name, never its value.

    A missing field gets its default. An unknown field is refused if `strict`, else ignored.
    """
    if not isinstance(values, Mapping):
        raise ReleaseError(f"{_named(path)} must be an object")
    hints = _hints(kind)
    fields = dataclasses.fields(kind)  # type: ignore[arg-type] # every kind here is a dataclass
    unknown = sorted({*values} - {field.name for field in fields})
    if unknown and strict:
        raise ReleaseError(f"{_named(path, unknown[0])} is not a field of this schema ({SCHEMA})")
    arguments = {}
    for field in fields:
        if field.name in values:
            where = f"{path}.{field.name}" if path else field.name
            arguments[field.name] = _value(hints[field.name], values[field.name], where, strict)
        elif field.default is field.default_factory is dataclasses.MISSING:
            raise ReleaseError(f"{_named(path, field.name)} is missing")
    return kind(**arguments)


def _value(hint: Any, value: object, path: str, strict: bool) -> Any:
    if isinstance(hint, types.UnionType):  # `X | None`
        hint = next(each for each in get_args(hint) if each is not types.NoneType)
        return None if value is None else _value(hint, value, path, strict)
    if dataclasses.is_dataclass(hint):
        return read(hint, value, strict=strict, path=path)  # type: ignore[arg-type]
    if get_origin(hint) is Mapping:
        return _mapping(get_args(hint)[1], value, path, strict)
    if get_origin(hint) is Sequence:
        return _sequence(get_args(hint)[0], value, path, strict)
    if hint is Any or _fits(hint, value):
        return value
    raise ReleaseError(f"{_named(path)} must be {_WORDS[hint]}")


def _mapping(hint: Any, value: object, path: str, strict: bool) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ReleaseError(f"{_named(path)} must be an object")
    return {name: _value(hint, each, f"{path}.{name}", strict) for name, each in value.items()}


def _sequence(hint: Any, value: object, path: str, strict: bool) -> list[Any]:
    if not isinstance(value, list):
        raise ReleaseError(f"{_named(path)} must be a list")
    return [_value(hint, each, f"{path}[{index}]", strict) for index, each in enumerate(value)]


def _fits(hint: Any, value: object) -> bool:
    if hint is float:
        return type(value) in {int, float} and math.isfinite(value)  # type: ignore[arg-type]
    return type(value) is hint  # JSON's true is no whole number


def _named(*path: str) -> str:
    return f"`{'.'.join(filter(None, path)) or 'the document'}`"
