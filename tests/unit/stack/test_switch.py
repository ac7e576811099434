"""Another kind of plugin takes a local stack over only without losses."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

from stack import switch
from stack.errors import StackError
from stack.stack import Stack
from standins import provider
from toolchain.plugins import Choice

STANDINS: dict[str, Choice] = {"oci": "standin", "docker": "standin", "command": "standin"}
OFFICIAL: dict[str, Choice] = {"oci": "official", "docker": "official", "command": "official"}
GATEWAY = (
    "urn:pulumi:local::auth::auth:network:Network$oci:Core/internetGateway:InternetGateway::gw"
)

# The engine, as far as it is asked here: it notes what it was asked for.
PULUMI = """#!/bin/sh
echo "$1 $2" >> "$FOLDER/asked"
case "$1 $2" in
  "stack ls") echo '[{"name": "local"}]' ;;
  "stack export") cat "$FOLDER/state.json" ;;
  "preview --json") cat "$FOLDER/plan.json"; [ ! -e "$FOLDER/fails" ] ;;
  *) exit 1 ;;
esac
"""


def resource(urn: str, token: str, *, marked: bool, **changes: Any) -> dict[str, Any]:
    outputs = {"id": "1", **(provider.MARK if marked else {})}
    return {"urn": urn, "type": token, "custom": True, "outputs": outputs, **changes}


def gateway(*, marked: bool) -> dict[str, Any]:
    return resource(GATEWAY, "oci:Core/internetGateway:InternetGateway", marked=marked)


def step(op: str, *, of: str = "oci:Core/vcn:Vcn", why: tuple[str, ...] = ()) -> dict[str, Any]:
    # as `pulumi preview --json` has it
    state = {"type": of, "custom": True}
    urn = f"urn:pulumi:local::auth::{of}::net"
    return {"op": op, "urn": urn, "oldState": state, "replaceReasons": list(why)}


@pytest.fixture(name="stack")
def _stack(tmp_path: Path) -> Stack:
    (tmp_path / "pulumi").write_text(PULUMI)
    (tmp_path / "pulumi").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    return Stack(name="local", clone=tmp_path, env={"PATH": path, "FOLDER": str(tmp_path)})


def given(stack: Stack, *, state: list[dict[str, Any]], plan: list[dict[str, Any]]) -> None:
    document = {"deployment": {"resources": state}}
    (stack.clone / "state.json").write_text(json.dumps(document))
    (stack.clone / "plan.json").write_text(json.dumps({"steps": plan}))


def plans(stack: Stack) -> int:
    return (stack.clone / "asked").read_text().count("preview")


@pytest.mark.parametrize(("marked", "kinds"), [(True, OFFICIAL), (False, STANDINS)])
def test_a_resource_of_the_other_kind_is_noticed(marked: bool, kinds: dict[str, Choice]) -> None:
    assert switch.of_other_kind([gateway(marked=marked)], kinds) == [GATEWAY]
    assert switch.of_other_kind([gateway(marked=not marked)], kinds) == []


def test_only_what_tells_its_kind_counts() -> None:
    silent = [
        resource("a::b::command:remote:Command::c", "command:remote:Command", marked=False),
        resource("a::b::pulumi:providers:oci::c", "pulumi:providers:oci", marked=False),
        resource("a::b::oci:x::c", "oci:x", marked=False, outputs=None),
    ]

    assert switch.of_other_kind(silent, STANDINS) == []


def test_each_plugin_is_of_a_kind_of_its_own() -> None:
    image = resource("a::b::docker:index/image:Image::i", "docker:index/image:Image", marked=True)
    kinds: dict[str, Choice] = {**OFFICIAL, "docker": "standin"}

    assert switch.of_other_kind([gateway(marked=True), image], kinds) == [GATEWAY]


@pytest.mark.parametrize("op", ["replace", "create-replacement", "delete-replaced", "delete"])
def test_what_a_plan_takes_away_is_a_loss(op: str) -> None:
    (line,) = switch.losses([step(op)])

    assert line.startswith("net (oci:Core/vcn:Vcn): ")


def test_a_loss_is_named_once_with_its_reason() -> None:
    steps = [step("delete-replaced"), step("replace", why=("cidrBlock", "dnsLabel"))]

    assert switch.losses(steps) == ["net (oci:Core/vcn:Vcn): replaced, for cidrBlock, dnsLabel"]


def test_what_a_plan_leaves_or_makes_is_no_loss() -> None:
    kept = [step(op) for op in ("same", "update", "create", "read", "refresh", "import")]
    provider_of_before = step("delete", of="pulumi:providers:oci")

    assert switch.losses([*kept, provider_of_before]) == []


def test_a_stack_of_the_same_plugins_is_not_planned(stack: Stack) -> None:
    given(stack, state=[gateway(marked=True)], plan=[step("delete")])

    switch.refuse_losses(stack, stack.resources(), STANDINS, agreed=False)

    assert plans(stack) == 0


def test_a_switch_that_loses_something_is_refused_with_the_ways_on(stack: Stack) -> None:
    given(stack, state=[gateway(marked=True)], plan=[step("replace", why=("enabled",))])

    for _ in range(2):
        with pytest.raises(StackError) as caught:
            switch.refuse_losses(stack, stack.resources(), OFFICIAL, agreed=False)
    assert "net (oci:Core/vcn:Vcn): replaced, for enabled" in str(caught.value)
    assert "the official plugin for oci" in str(caught.value)
    for way in ("PLUGINS=standin make up", "make up SWITCH=1", "make down"):
        assert way in str(caught.value)


def test_the_ways_on_of_a_stack_beside_another_are_its_own(stack: Stack) -> None:
    given(stack, state=[gateway(marked=True)], plan=[step("replace")])
    beside = dataclasses.replace(stack, name="local-prod")

    with pytest.raises(StackError) as caught:
        switch.refuse_losses(beside, stack.resources(), OFFICIAL, agreed=False)

    for command in ("PLUGINS=standin make up", "make up SWITCH=1", "make preview", "make down"):
        assert f"`{command} STACK=local-prod`" in str(caught.value)


def test_a_yes_needs_no_plan(stack: Stack) -> None:
    given(stack, state=[gateway(marked=True)], plan=[step("replace")])

    switch.refuse_losses(stack, stack.resources(), OFFICIAL, agreed=True)

    assert plans(stack) == 0


def test_a_switch_without_a_loss_is_planned_once(stack: Stack) -> None:
    given(stack, state=[gateway(marked=True)], plan=[step("update")])

    for _ in range(3):
        switch.refuse_losses(stack, stack.resources(), OFFICIAL, agreed=False)

    assert plans(stack) == 1


def test_a_switch_back_is_planned_again(stack: Stack) -> None:
    given(stack, state=[gateway(marked=True)], plan=[step("update")])
    switch.refuse_losses(stack, stack.resources(), OFFICIAL, agreed=False)
    given(stack, state=[gateway(marked=False)], plan=[step("delete")])

    with pytest.raises(StackError, match="PLUGINS=official make up"):
        switch.refuse_losses(stack, stack.resources(), STANDINS, agreed=False)


def test_a_plan_that_fails_lets_no_other_plugins_in_and_says_why(stack: Stack) -> None:
    given(stack, state=[gateway(marked=True)], plan=[step("update")])
    said = [{"severity": "error", "message": "error: cidrBlock is wrong\n"}]
    (stack.clone / "plan.json").write_text(json.dumps({"steps": [], "diagnostics": said}))
    (stack.clone / "fails").touch()

    with pytest.raises(StackError, match="cidrBlock is wrong"):
        switch.refuse_losses(stack, stack.resources(), OFFICIAL, agreed=False)
