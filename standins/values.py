"""Property values between the engine's wire format and Python, and how two sets of them differ."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from google.protobuf import json_format, struct_pb2

from common.property_values import SIGNATURE, UNKNOWN

# A secret is a dictionary of SIGNATURE with this value, and of the secret as `value`.
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the same for all of them

Properties = dict[str, Any]


def from_wire(struct: struct_pb2.Struct) -> Properties:
    """Read a property map; whole numbers, which the wire carries as floats, become ints."""
    return {key: _plain(value) for key, value in json_format.MessageToDict(struct).items()}


def to_wire(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    json_format.ParseDict(dict(properties), struct)
    return struct


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def plain(value: Any) -> Any:
    """Return properties without secrets' wrappers and without the plugins' own fields.

    Official plugins keep `__defaults` in inputs, `__meta` and more in outputs.
    """
    if isinstance(value, dict):
        if _is_secret(value):
            return plain(value["value"])
        return {key: plain(item) for key, item in value.items() if not key.startswith("__")}
    return [plain(item) for item in value] if isinstance(value, list) else value


def encrypted(properties: Properties, paths: Iterable[str]) -> Properties:
    """Return the properties, marked as secrets at `paths`, the inner before the outer."""
    for path in paths:
        properties = _encrypted(properties, path)
    return properties


def _encrypted(properties: Properties, path: str) -> Properties:
    head, _, rest = path.partition(".")
    value = properties.get(head)
    if rest and isinstance(value, dict):
        return {**properties, head: _encrypted(value, rest)}
    if rest or value is None or value == UNKNOWN or _is_secret(value):
        return properties
    return {**properties, head: {SIGNATURE: _SECRET, "value": value}}


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and value.get(SIGNATURE) == _SECRET


def has_unknowns(value: Any) -> bool:
    if isinstance(value, dict):
        return any(has_unknowns(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknowns(item) for item in value)
    return bool(value == UNKNOWN)


def seen(inputs: Any, outputs: Any) -> Any:
    """Return the inputs with the values in the cloud, without the cloud's own additions.

    The official providers do the same: a default of the cloud is no difference, but an entry that
    somebody added to a list is.
    """
    if isinstance(inputs, dict) and isinstance(outputs, dict):
        return {key: seen(value, outputs.get(key, value)) for key, value in inputs.items()}
    if isinstance(inputs, list) and isinstance(outputs, list):
        known = [seen(*both) for both in zip(inputs, outputs, strict=False)]
        return known + outputs[len(inputs) :]
    return outputs


def differences(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path, kind) of each difference; kind is ADD, DELETE or UPDATE.

    Paths are the engine's: `build.args.BASE`, `routeRules[0].destination`.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            inner = f"{path}.{key}" if path else key
            if key not in old:
                yield inner, "ADD"
            elif key not in new:
                yield inner, "DELETE"
            else:
                yield from differences(old[key], new[key], inner)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            inner = f"{path}[{index}]"
            if index >= len(old):
                yield inner, "ADD"
            elif index >= len(new):
                yield inner, "DELETE"
            else:
                yield from differences(old[index], new[index], inner)
    elif old != new:
        yield path, "UPDATE"


def top(path: str) -> str:
    """Return the property at the top of a path."""
    return path.partition(".")[0].partition("[")[0]


def below(path: str, bases: Iterable[str]) -> bool:
    """Check whether a path is that of a base, or inside of a base."""
    return any(path == base or path.startswith((f"{base}.", f"{base}[")) for base in bases)


def top_level(old: Properties, new: Properties) -> dict[str, str]:
    """Return the kind of difference of each property that differs, however deep."""
    return {
        key: "ADD" if key not in old else "DELETE" if key not in new else "UPDATE"
        for key in sorted({*old, *new})
        if key not in old or key not in new or old[key] != new[key]
    }
