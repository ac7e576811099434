"""The differences between inputs and a resource, as the official oci plugin decides them.

It compares the inputs with the resource's outputs, not with the inputs before. So a change that
somebody made in the cloud is a difference, and a removed optional input is not.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from standins import values
from standins.oci_wire import MAPS
from standins.values import Properties

# Lists whose order means nothing; an entry that changes is another entry.
_SETS = frozenset({"egressSecurityRules", "ingressSecurityRules", "routeRules"})
_EMPTY: tuple[Any, ...] = (None, "", [], {})


def differences(state: Properties, new: Properties, cleared: frozenset[str]) -> dict[str, str]:
    """Return the kind of each difference by its path.

    A property without an input is removed only if it is in `cleared`.
    """
    kinds: dict[str, str] = {}
    for name in sorted(new):
        kinds.update(_compared(name, name, state.get(name), new[name]))
    for name in sorted(cleared - set(new)):
        if state.get(name) not in _EMPTY:
            kinds[name] = "DELETE"
    return kinds


def merged(state: Mapping[str, Any], new: Mapping[str, Any]) -> Properties:
    """Return the state with the program's values in place of the current values."""
    return {
        **state,
        **{
            name: merged(state[name], value)
            if name not in MAPS and isinstance(value, dict) and isinstance(state.get(name), dict)
            else value
            for name, value in new.items()
        },
    }


def _compared(path: str, name: str, before: Any, after: Any) -> Iterator[tuple[str, str]]:
    if before in _EMPTY and after in _EMPTY:
        return
    if isinstance(after, dict) and isinstance(before, dict):
        yield from _entries(path, name, before, after)
    elif isinstance(after, list) and isinstance(before, list):
        yield from _elements(path, name, before, after)
    elif before is None:
        yield path, "ADD"
    elif before != after:
        yield path, "UPDATE"


def _entries(
    path: str, name: str, before: Properties, after: Properties
) -> Iterator[tuple[str, str]]:
    for key in sorted(after):
        yield from _compared(f"{path}.{key}", key, before.get(key), after[key])
    if name in MAPS:  # an additional key is a difference
        for key in sorted(set(before) - set(after)):
            yield f"{path}.{key}", "DELETE"


def _elements(
    path: str, name: str, before: list[Any], after: list[Any]
) -> Iterator[tuple[str, str]]:
    if not before or not after:
        yield path, "DELETE" if before else "ADD"
        return
    if name in _SETS:
        before, after = _unmatched(before, after)
    for index in range(max(len(before), len(after))):
        element = f"{path}[{index}]"
        if index >= len(before):
            yield element, "ADD"
        elif index >= len(after):
            yield element, "DELETE"
        elif name in _SETS and before[index] != after[index]:
            yield from _replaced(element, before[index], after[index])
        else:
            yield from _compared(element, "", before[index], after[index])


def _unmatched(before: list[Any], after: list[Any]) -> tuple[list[Any], list[Any]]:
    """Put the entries that two sets share at the same places, at their beginning."""
    shared, rest = [], list(after)
    others = []
    for entry in before:
        match = next((other for other in rest if not list(_compared("", "", entry, other))), None)
        if match is None:
            others.append(entry)
        else:
            rest.remove(match)
            shared.append(entry)
    return [*shared, *others], [*shared, *rest]


def _replaced(path: str, before: Properties, after: Properties) -> Iterator[tuple[str, str]]:
    """Compare an entry of a set with the entry in its place; absent values are unknown."""
    yield from _compared(path, "", before, after)
    for key in sorted(set(before) - set(after)):
        yield f"{path}.{key}", "UPDATE"


def ignored(kinds: Mapping[str, str], paths: tuple[str, ...]) -> dict[str, str]:
    """Leave out differences at or below the paths that the program ignores."""
    return {path: kind for path, kind in kinds.items() if not values.below(path, paths)}
