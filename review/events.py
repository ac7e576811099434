"""The planned changes of a preview, from the engine's event log.

The log has a JSON object a line, the engine's `apitype.EngineEvent`
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

# A replacement has several steps of a resource in the log. A lone `delete-replaced` is the rest of
# an interrupted run: it still deletes something.
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
_DECIDED = "__meta"  # of a plugin that is bridged from Terraform
_QUIET = frozenset({"same", "read", "refresh", "remove-pending-replace"})
# the CLI's notes on the paths of plugins are no warnings about a change
_NOISE = re.compile(r"using pulumi-(resource|language|analyzer)-\S+ from \$PATH")
# the CLI's addition to an error of the program
_ECHO = "an unhandled error occurred: program exited with non-zero exit code"
_ANSI = re.compile(r"\x1b\[[0-9;]*m|<\{%[^%]*%\}>")


@dataclass(frozen=True, kw_only=True)
class Change:
    """A resource that the engine would change, with its inputs as the engine shows them."""

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
    """The result of a preview. `unchanged` counts resources, components included."""

    changes: tuple[Change, ...] = ()
    components: tuple[Change, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    unchanged: int = 0
    finished: bool = True

    def of_type(self, token: str) -> list[Change]:
        return [change for change in (*self.changes, *self.components) if change.type == token]


def read(log: bytes) -> Plan:
    """Read an event log; raise ReviewError if it is malformed, or has an unknown kind of step.

    Only a newline ends an event: `str.splitlines` would also split at U+0085 in a text. Unknown
    steps are refused, since a new kind of replacement must not pass as harmless.
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
        elif diagnostic := event.get("diagnosticEvent"):
            _note(diagnostic, warnings, errors)
        elif summary := event.get("summaryEvent"):
            finished = summary.get("result", "succeeded") == "succeeded"
            unchanged = (summary.get("resourceChanges") or {}).get("same", 0)
    changes = [change for steps_of in steps.values() if (change := _change(steps_of))]
    return Plan(
        changes=tuple(change for change in changes if change.custom),
        components=tuple(change for change in changes if not change.custom),
        warnings=tuple(dict.fromkeys(warnings)),
        errors=tuple(dict.fromkeys(errors)),
        unchanged=unchanged,
        finished=finished,
    )


def plain(value: Any) -> Any:
    """Return the mask for a value that the engine marks as secret, else the value."""
    return MASK if isinstance(value, Mapping) and SIGNATURE in value else value


def masked(value: Any) -> Any:
    """Return a tree of values with the mask in each secret's place.

    The encryption of secrets differs each time that a state is written.
    """
    value = plain(value)
    if isinstance(value, Mapping):
        return {key: masked(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [masked(entry) for entry in value]
    return value


def _note(diagnostic: Mapping[str, Any], warnings: list[str], errors: list[str]) -> None:
    text = _ANSI.sub("", diagnostic.get("message", "")).strip()
    if diagnostic.get("severity") == "error":
        if not (errors and text.startswith(_ECHO)):
            errors.append(text)
    elif diagnostic.get("severity") == "warning" and not _NOISE.match(text):
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
    # a deletion and a creation with the same URN are a replacement
    replaced = "replace" in operations or {"create", "delete"} <= operations
    operation: Operation = "replace" if replaced else _OPERATIONS[loud[-1]["op"]]
    # of a replacement, the step with the new values and the reasons
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
    """Return the differences: in detail if the provider has them, else by property."""
    kinds: dict[str, str] = {}
    for step in steps:
        for path in step.get("diffs") or []:
            kinds.setdefault(path, "update")
        # a dependent is replaced for a property that its detailed difference leaves out
        for path in step.get("keys") or []:
            kinds[path] = "update-replace"
        for path, detail in (step.get("detailedDiff") or {}).items():
            kinds[path] = detail.get("diffKind", "update")
    return _with_reasons(kinds)


def _with_reasons(kinds: Mapping[str, str]) -> dict[str, str]:
    """Return the differences without the plugin's own property, which forces some replacements.

    The oci plugin decides on a VM with other user data so. Its reasons are the properties that
    change beside it, unless one of them forces the replacement itself.
    """
    shown = {path: kind for path, kind in kinds.items() if path != _DECIDED}
    decided = kinds.get(_DECIDED, "").endswith("-replace")
    if decided and not any(kind.endswith("-replace") for kind in shown.values()):
        return {path: f"{kind}-replace" for path, kind in shown.items()}
    return shown
