"""The infrastructure diff: created, changed and deleted resources, property by property."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from common.property_values import UNKNOWN
from review.events import MASK, Change, Plan, masked, plain
from review.markdown import Block, cut

_VERBS = {
    "create": "to create",
    "update": "to change",
    "replace": "to replace",
    "uncertain": "to change or replace",
    "delete": "to delete",
    "import": "to import",
}
# GitHub colours a diff by the first character of its lines.
_SIGNS = {"create": "+", "update": "!", "replace": "-", "delete": "-", "import": "+"}
_VALUE = 90
_OCID = re.compile(r"(ocid1\.[a-z]+)\.[a-z0-9]+\.[a-z0-9-]*\.[a-z0-9]*?([a-z0-9]{6})\b")
_HASH = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{28,}\b")
_PODS = "spec.template."  # in Kubernetes; the part Container has these changes, without values
_STEP = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.\[\]]+)')


def summary(plan: Plan) -> str:
    if not plan.changes:
        return "no change"
    counts: Counter[str] = Counter(
        "uncertain" if _is_uncertain(change) else change.operation for change in plan.changes
    )
    return ", ".join(f"{counts[name]} {verb}" for name, verb in _VERBS.items() if counts[name])


def blocks(plan: Plan) -> list[Block]:
    """Return the changes as a diff, the dangerous first."""
    order = ("delete", "replace", "update", "create", "import")
    changes = sorted(plan.changes, key=lambda change: order.index(change.operation))
    lines = [line for change in changes for line in _lines(change)]
    return [Block(lines=lines, language="diff")] if lines else []


def kind(token: str) -> str:
    """Return a resource's type in words: `oci:Core/publicIp:PublicIp` is `public ip`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", token.rpartition(":")[2]).lower()


def _is_uncertain(change: Change) -> bool:
    """Return whether a replacement in Kubernetes is forced by unknown values alone.

    Its plugin plans a replacement if an object's whole `spec` is known only when applied.
    """
    if change.operation != "replace" or not change.type.startswith("kubernetes:"):
        return False
    values = [at(change.new, path) for path in change.forcing if _differs(change, path)]
    return bool(values) and all(value == UNKNOWN for value in values)


def _is_of_pods(change: Change, path: str) -> bool:
    return change.type.startswith("kubernetes:") and path.startswith(_PODS)


def _differs(change: Change, path: str) -> bool:
    old, new = at(change.old, path), at(change.new, path)
    return bool(old != new or new == MASK)


def _lines(change: Change) -> Iterator[str]:
    sign = "!" if _is_uncertain(change) else _SIGNS[change.operation]
    verb = {"replace": "  (replaced)", "delete": "  (deleted)"}.get(change.operation, "")
    if _is_uncertain(change):
        verb = "  (changed or replaced: known when applied)"
    yield f"{sign} {kind(change.type)} {change.name}{verb}"
    if change.operation == "create":
        leaves = (leaf for leaf in _leaves(change.new) if not _is_of_pods(change, leaf[0]))
        yield from (f"      {path}: {value}" for path, value in leaves)
    if change.operation != "delete":
        yield from _differences(change)


def _differences(change: Change) -> Iterator[str]:
    """Yield the changed properties; those of pods as one line."""
    paths = {path: kind for path, kind in change.paths.items() if not _is_of_pods(change, path)}
    if len(paths) < len(change.paths):
        yield "      spec.template: changed, see Container"
    is_uncertain = _is_uncertain(change)
    for path, difference in sorted(paths.items()):
        if is_uncertain and not _differs(change, path):
            continue
        forces = difference.endswith("-replace") and not is_uncertain
        yield f"      {path}: {_both(change, path)}{'  ← forces a new one' if forces else ''}"


def _both(change: Change, path: str) -> str:
    old, new = at(change.old, path), at(change.new, path)
    if old == new == MASK:
        return f"{MASK}, changed"
    return f"{show(old)} → {show(new)}"


def at(tree: Any, path: str) -> Any:
    """Return a property by the engine's path, such as `rules[0].source` or `tags["a.b"]`."""
    for match in _STEP.finditer(path):
        tree = plain(tree)
        if tree == UNKNOWN:
            return UNKNOWN
        quoted, index, name = match.groups()
        if isinstance(tree, Mapping):
            tree = tree.get(name if name is not None else quoted if quoted is not None else index)
        elif isinstance(tree, Sequence) and not isinstance(tree, str) and index is not None:
            tree = tree[int(index)] if int(index) < len(tree) else None
        else:
            return plain(tree) if plain(tree) == MASK else None
    return plain(tree)


def show(value: Any) -> str:
    """Return a value for part of a line: shortened if it is long, a long text as its size."""
    value = plain(value)
    if value is None:
        return "(none)"
    if value == UNKNOWN:
        return "(known when applied)"
    if value == MASK:
        return MASK
    if isinstance(value, str) and (value.count("\n") > 1 or len(value) > 2 * _VALUE):
        return f"(text of {len(value):,} characters)"
    shown = json.dumps(masked(value), ensure_ascii=False, sort_keys=True)
    shown = _HASH.sub(r"\1…", _OCID.sub(r"\1…\2", shown)).replace(UNKNOWN, "(known when applied)")
    return cut(shown, _VALUE)


def _leaves(tree: Any, path: str = "") -> Iterator[tuple[str, str]]:
    tree = plain(tree)
    if isinstance(tree, Mapping):
        for key, value in sorted(tree.items()):
            yield from _leaves(value, f"{path}.{key}" if path else key)
    elif tree not in (None, "", []):
        yield path, show(tree)
