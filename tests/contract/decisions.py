"""The recorded decisions, and their comparison with a plugin's decisions."""

import json
from pathlib import Path
from typing import Any

from standins import values
from tests.contract.changes import ROWS, TOKENS, Row, applied
from tests.contract.plug import Decision, Made, RefusedError
from tests.contract.stack import Stack

FILE = Path(__file__).with_name("decisions.json")
# Changes that the official plugin makes and a stand-in refuses by name, in a preview already.
REFUSED = frozenset(
    {
        "DbSystem: another compartment",
        "DbSystem: another version",
        "DbSystem: two nodes",
        "Vcn: IPv6",
        "Vcn: another block",
        "Vcn: one block more",
        "Vcn: one block more behind",
    }
)

__all__ = ["REFUSED", "ROWS", "decided", "expected", "recorded_resources"]


def decided(stack: Stack, row: Row) -> dict[str, Any]:
    """Return the plugin's decision on a change; of a refusal, the plugin's text."""
    made = stack.made[row.resource]
    # a plugin's notes in the outputs do not fit outputs that were changed past it
    outputs = values.plain(made.outputs) if row.behind else made.outputs
    made = Made(
        made.token,
        made.identity,
        applied(made.inputs, row.before),
        applied(outputs, {**row.before, **row.behind}),
    )
    wanted = applied(stack.wanted[row.resource], {**row.before, **row.set})
    try:
        decision = stack.plug(row.resource).decide(made, wanted)
    except RefusedError as error:
        return {"refusal": str(error)}
    return as_json(decision)


def as_json(decision: Decision) -> dict[str, Any]:
    return {
        "decision": decision.action,
        "properties": dict(decision.properties),
        "unknown": list(decision.unknown),
    }


def expected(row: Row) -> dict[str, Any]:
    """Return the official plugin's recorded decision on a change."""
    for entry in _recorded()["decisions"]:
        if (entry.pop("resource"), entry.pop("change")) == (row.resource, row.change):
            return dict(entry)
    raise LookupError(f"{row} is not in {FILE.name}; record it: python -m tests.contract DIR")


def recorded_resources() -> dict[str, tuple[Made, dict[str, Any]]]:
    """Return the resources as the official plugins made them, each with the program's inputs."""
    return {
        name: (
            Made(TOKENS[name], entry["id"], entry["inputs"], entry["outputs"]),
            entry["wanted"],
        )
        for name, entry in _recorded()["resources"].items()
    }


def recorded_versions() -> dict[str, str]:
    return dict(_recorded()["plugins"])


def _recorded() -> dict[str, Any]:
    return dict(json.loads(FILE.read_text()))
