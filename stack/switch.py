"""The switch of a local stack to the other kind of plugin, which must replace nothing."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common import files, progress
from components import advice
from stack.errors import StackError
from stack.stack import Stack
from toolchain import plugins

_VERSION = 1  # of the file that remembers the last check
# Our stand-ins leave this mark in the outputs of these plugins' resources.
_MARKED = frozenset({"oci", "docker"})
_MARK = "__standin"
_LOSSES = {
    "replace": "replaced",
    "create-replacement": "replaced",
    "delete-replaced": "replaced",
    "discard-replaced": "replaced",
    "read-replacement": "replaced",
    "import-replacement": "replaced",
    "delete": "deleted",
    "discard": "deleted",
}
_NAMES: Mapping[plugins.Choice, str] = {
    "official": "the official plugin",
    "standin": "our stand-in",
}

Kinds = Mapping[str, plugins.Choice]


def refuse_losses(
    stack: Stack,
    resources: Sequence[Mapping[str, Any]],
    kinds: Kinds,
    *,
    agreed: bool,
    refresh: bool = False,
) -> None:
    """Raise StackError if another kind of plugin than before would replace or delete something.

    `resources` has the resources of the stack's state.
    The plan is made only if the other kind wrote resources of the state last, and once for each of
    them: a switch without a loss leaves most as they are, their marks too. With `agreed`, a person
    has agreed to the losses.
    """
    others = of_other_kind(resources, kinds)
    memory = stack.folder / "switch.json"
    if agreed or set(others) <= _checked(memory, kinds):
        return
    names = sorted({package for urn in others if (package := _package(urn))})
    before_and_now = ", ".join(f"{name} to {_NAMES[kinds[name]]}" for name in names)
    with progress.step(f"Plan the switch of {before_and_now}: it must replace nothing"):
        lost = losses(stack.planned_steps(refresh=refresh))
    if lost:
        raise StackError(refusal(stack.name, lost, names, kinds))
    document = {"version": _VERSION, "kinds": dict(kinds), "resources": others}
    files.write(memory, json.dumps(document, indent=2))


def of_other_kind(resources: Sequence[Mapping[str, Any]], kinds: Kinds) -> list[str]:
    """Return the URNs of the resources that the other kind of plugin wrote last."""
    others = []
    for resource in resources:
        package, outputs = str(resource["type"]).partition(":")[0], resource.get("outputs")
        if package in _MARKED and resource.get("custom") and outputs:
            kind = "standin" if _MARK in outputs else "official"
            if kind != kinds[package]:
                others.append(str(resource["urn"]))
    return others


def losses(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each real resource that the steps of a plan replace or delete."""
    lines: dict[str, str] = {}
    for step in steps:
        state = step.get("oldState") or step.get("newState") or {}
        token = str(state.get("type", ""))
        # another version of a plugin has another provider in the state, which is nothing in a cloud
        if step["op"] not in _LOSSES or not state.get("custom") or token.startswith("pulumi:"):
            continue
        why = step.get("replaceReasons") or []
        reason = f", for {', '.join(why)}" if why else ""
        urn = str(step["urn"])
        if urn not in lines or why:
            lines[urn] = f"{urn.rpartition('::')[2]} ({token}): {_LOSSES[step['op']]}{reason}"
    return list(lines.values())


def refusal(stack: str, lost: Sequence[str], names: Sequence[str], kinds: Kinds) -> str:
    """Explain the losses of a switch, with the ways out."""
    up = advice.make("up", stack)
    listed = "".join(f"  - {line}\n" for line in lost)
    now = ", ".join(f"{_NAMES[kinds[name]]} for {name}" for name in names)
    before = {"official" if kinds[name] == "standin" else "standin" for name in names}
    keep = {
        frozenset({"standin"}): f"`PLUGINS=standin {up}`, without OFFICIAL_PLUGINS",
        frozenset({"official"}): f"`PLUGINS=official {up}`, or OFFICIAL_PLUGINS=DIR, their folder",
    }.get(frozenset(before), "set PLUGINS and OFFICIAL_PLUGINS as before")
    return (
        f"Plugins of the other kind made this stack, and now it has {now}. The plan, with the "
        f"changes of the program in it, takes something away:\n{listed}"
        "Nothing was changed. There are three ways on:\n"
        f"  - Keep the plugins that made the stack: {keep}.\n"
        f"  - Agree to these losses: `{advice.make('up SWITCH=1', stack)}`. "
        f"`{advice.make('preview', stack)}` shows the whole plan.\n"
        f"  - Make the stack anew, its data too: `{advice.make('down', stack)}`, then `{up}`."
    )


def _checked(memory: Path, kinds: Kinds) -> set[str]:
    """Return the resources of the other kind whose switch to these kinds replaced nothing."""
    try:
        document = json.loads(memory.read_text())
        known = document["version"] == _VERSION and document["kinds"] == kinds
        return set(document["resources"]) if known else set()
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return set()


def _package(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2].partition(":")[0]
