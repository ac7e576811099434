"""The changed resources of an update, from the engine's log."""

import json

from stack import engine_log


def step(op: str, name: str) -> bytes:
    return json.dumps({"resOutputsEvent": {"metadata": {"op": op, "urn": name}}}).encode()


def test_the_changed_resources_are_those_with_a_step_that_changes() -> None:
    log = b"\n".join(
        [
            step("same", "a"),
            step("update", "b"),
            step("create", "c"),
            step("refresh", "d"),
            json.dumps({"resourcePreEvent": {"metadata": {"op": "update", "urn": "e"}}}).encode(),
            json.dumps({"summaryEvent": {}}).encode(),
            b'{"resOutputsEvent": {"meta',
        ]
    )

    assert engine_log.changed(log) == {"b", "c"}
