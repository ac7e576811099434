"""What the engine says of a preview: its event log, read into the changes that it plans.

The log has one JSON object a line, the engine's `apitype.EngineEvent`
(https://pkg.go.dev/github.com/pulumi/pulumi/sdk/v3/go/common/apitype#EngineEvent).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from common.property_values import SIGNATURE
from review.errors import ReviewError

Operation = Literal["create", "update", "replace", "delete", "import"]

# A replacement has several steps of one resource in the log. A lone `delete-replaced` is what an
# interrupted run left to do: it still takes something away.
_OPERATIONS: Mapping[str, Operation] = {
    "create": "create",
    "update": "update",
    "delete": "delete",
    "discard": "delete",
    "import": "import",
    "replace": "replace",
    "create-replacement": "replace",
    "delete-replaced": "replace",
    "discard-replaced": "replace",
    "read-replacement": "replace",
    "import-replacement": "replace",
}
MASK = "[secret]"
_QUIET = frozenset({"same", "read", "refresh", "remove-pending-replace"})
# what the CLI says of where it found a plugin is nothing that a change brings
_NOISE = re.compile(r"using pulumi-(resource|language|analyzer)-\S+ from \$PATH")
# what the CLI adds to an error that the program told itself
_ECHO = "an unhandled error occurred: program exited with non-zero exit code"
_ANSI = re.compile(r"\x1b\[[0-9;]*m|<\{%[^%]*%\}>")


@dataclass(frozen=True, kw_only=True)
class Change:
    """One resource that the engine would change. Inputs as the engine shows them."""

    urn: str
    type: str
    operation: Operation
    custom: bool  # a real resource; else a component, which only groups others
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    paths: Mapping[str, str]  # property path to the engine's kind of difference

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]

    @property
    def forcing(self) -> list[str]:
        """The properties that make an update impossible."""
        return sorted(path for path, kind in self.paths.items() if kind.endswith("-replace"))


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a preview found. `unchanged` counts resources, components included."""

    changes: tuple[Change, ...] = ()
    components: tuple[Change, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    unchanged: int = 0
    finished: bool = True

    def of_type(self, token: str) -> list[Change]:
        return [change for change in (*self.changes, *self.components) if change.type == token]


def read(log: bytes) -> Plan:
    """Read an event log; raise ReviewError for what is none.

    Only a newline ends an event: texts in it may hold U+0085, which `str.splitlines` takes for one.

    A step that this does not know is refused: a new kind of replacement must not pass for nothing.
    """
    steps: dict[str, list[Mapping[str, Any]]] = {}
    warnings: list[str] = []
    errors: list[str] = []
    unchanged, finished = 0, False
    for number, line in enumerate(log.split(b"\n"), start=1):
        if not line:
            continue
        try:
            event = json.loads(line)
        except ValueError:
            raise ReviewError(f"line {number} of the engine's event log is not JSON") from None
        if step := (event.get("resourcePreEvent") or {}).get("metadata"):
            steps.setdefault(step["urn"], []).append(step)
        elif said := event.get("diagnosticEvent"):
            _note(said, warnings, errors)
        elif summary := event.get("summaryEvent"):
            finished = summary.get("result", "succeeded") == "succeeded"
            unchanged = (summary.get("resourceChanges") or {}).get("same", 0)
    changes = [change for found in steps.values() if (change := _change(found))]
    return Plan(
        changes=tuple(change for change in changes if change.custom),
        components=tuple(change for change in changes if not change.custom),
        warnings=tuple(dict.fromkeys(warnings)),
        errors=tuple(dict.fromkeys(errors)),
        unchanged=unchanged,
        finished=finished,
    )


def plain(value: Any) -> Any:
    """Give the mask for what the engine marks as secret, whatever it left inside."""
    return MASK if isinstance(value, Mapping) and SIGNATURE in value else value


def masked(value: Any) -> Any:
    """Give a tree of values with the mask in each secret's place.

    Their encryption differs each time that a state is written.
    """
    value = plain(value)
    if isinstance(value, Mapping):
        return {key: masked(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [masked(entry) for entry in value]
    return value


def _note(said: Mapping[str, Any], warnings: list[str], errors: list[str]) -> None:
    text = _ANSI.sub("", said.get("message", "")).strip()
    if said.get("severity") == "error":
        if not (errors and text.startswith(_ECHO)):
            errors.append(text)
    elif said.get("severity") == "warning" and not _NOISE.match(text):
        warnings.append(text)


def _change(steps: list[Mapping[str, Any]]) -> Change | None:
    loud = [step for step in steps if step["op"] not in _QUIET]
    if not loud:
        return None
    for step in loud:
        if step["op"] not in _OPERATIONS:
            raise ReviewError(
                f"the engine plans {step['op']!r} for {step['urn']}, which this version of the "
                "review does not know; update review/events.py"
            )
    operations = {_OPERATIONS[step["op"]] for step in loud}
    # deleted and created under one URN is a replacement, however the engine came to it
    replaced = "replace" in operations or {"create", "delete"} <= operations
    operation: Operation = "replace" if replaced else _OPERATIONS[loud[-1]["op"]]
    # of a replacement, the step with the most to tell: what is new and why
    step = max(loud, key=lambda step: (bool(step.get("detailedDiff")), bool(step.get("new"))))
    old, new = step.get("old") or {}, step.get("new") or {}
    return Change(
        urn=step["urn"],
        type=step["type"],
        operation=operation,
        custom=bool(old.get("custom") or new.get("custom")),
        old=old.get("inputs") or {},
        new=new.get("inputs") or {},
        paths=_paths(loud),
    )


def _paths(steps: list[Mapping[str, Any]]) -> dict[str, str]:
    """Gather what differs: in detail where the provider tells it, else by property."""
    found: dict[str, str] = {}
    for step in steps:
        for path in step.get("diffs") or []:
            found.setdefault(path, "update")
        # a dependent is replaced for a property that it says nothing about
        for path in step.get("keys") or []:
            found[path] = "update-replace"
        for path, detail in (step.get("detailedDiff") or {}).items():
            found[path] = detail.get("diffKind", "update")
    return found
