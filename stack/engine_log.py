"""The engine's log of an update: an event in JSON on each line."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_UNCHANGED = frozenset({"same", "read", "refresh"})


def events(log: bytes) -> Iterator[Mapping[str, Any]]:
    """Yield the events; a log may be cut off."""
    for line in log.split(b"\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


def changed(log: bytes) -> set[str]:
    """Return the URNs of the resources that the update changed."""
    steps = [(event.get("resOutputsEvent") or {}).get("metadata") or {} for event in events(log)]
    return {step["urn"] for step in steps if step and step["op"] not in _UNCHANGED}


def is_out_of_capacity(log: bytes) -> bool:
    """Check whether Oracle refused a VM because no host has room for it."""
    return any(
        "Out of host capacity" in str((event.get("diagnosticEvent") or {}).get("message", ""))
        for event in events(log)
    )


def was_interrupted(log: bytes) -> bool:
    """Check whether a person stopped the engine by Ctrl-C.

    While the CLI draws, it reads the keys itself: no signal reaches the process that started it.
    """
    return any(
        "^C received" in str((event.get("stdoutEvent") or {}).get("message", ""))
        for event in events(log)
    )
