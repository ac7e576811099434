"""The reason why a server does not answer."""

from pathlib import Path
from typing import Any

import pytest

from stack import unreachable
from stack.errors import StackError
from stack.stack import Stack

TYPES = {
    "auth-vm": "oci:Core/instance:Instance",
    "auth-data": "oci:Core/volume:Volume",
    "auth-address": "oci:Core/publicIp:PublicIp",
    "auth-provision": "command:remote:Command",
}


def urn(name: str) -> str:
    return f"urn:pulumi:dev::auth::{TYPES[name]}::{name}"


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Return a stack whose server answers no connection; the cloud has all of it."""
    resources = [{"urn": urn(name), "type": kind, "id": name} for name, kind in TYPES.items()]
    monkeypatch.setattr(Stack, "outputs", lambda _: {"serverIp": "192.0.2.7"})
    monkeypatch.setattr(Stack, "resources", lambda _: resources)
    monkeypatch.setattr(unreachable, "_connect", lambda _: "Connection refused")
    has(monkeypatch)
    return Stack(name="dev", clone=Path(), env={})


def has(monkeypatch: pytest.MonkeyPatch, *gone: str) -> None:
    """Let the cloud have all the resources that it is asked for, but those in `gone`."""

    def answer(_: Stack, urns: list[str]) -> list[str]:
        assert urn("auth-provision") not in urns, "the cloud knows nothing of commands"
        return [wanted for wanted in urns if wanted in {urn(name) for name in gone}]

    monkeypatch.setattr(Stack, "gone", answer)


def test_a_lost_vm_is_told_with_what_stays_and_the_way_out(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    has(monkeypatch, "auth-vm")

    reason = unreachable.reason(stack) or ""

    assert "no auth-vm any more" in reason
    assert "`make up REFRESH=1 STACK=dev`" in reason
    assert "auth-data, auth-address stay" in reason


def test_a_volume_that_went_with_its_vm_is_not_said_to_stay(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    has(monkeypatch, "auth-vm", "auth-data")

    reason = unreachable.reason(stack) or ""

    assert "no auth-vm, auth-data any more" in reason
    assert "; auth-address stays" in reason


def test_a_vm_that_is_there_is_told_by_its_ocid_and_not_rebuilt(stack: Stack) -> None:
    reason = unreachable.reason(stack) or ""

    assert "has its VM (auth-vm)" in reason
    assert "REFRESH" not in reason


def test_a_server_that_answers_has_no_reason(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unreachable, "_connect", lambda _: None)

    assert unreachable.reason(stack) is None, "the command itself ended with ssh's status"


def test_a_cloud_that_can_not_be_asked_is_told(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> list[str]:
        raise StackError("401-NotAuthenticated")

    monkeypatch.setattr(Stack, "gone", fail)

    assert "does not answer either: 401" in (unreachable.reason(stack) or "")
