"""A new VM: nothing is terminated without a VM, its consent and its protection off."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from stack import alarms, first_vm, new_vm
from stack.errors import StackError
from stack.stack import Stack

VM = {
    "type": "oci:Core/instance:Instance",
    "urn": "urn:pulumi:dev::auth::oci:Core/instance:Instance::auth-vm",
    "id": "ocid1.instance.oc1..vm",
    "outputs": {"shape": "VM.Standard.A1.Flex"},
}


@pytest.fixture(name="terminated")
def _terminated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the instances that were terminated, and the updates afterwards."""
    terminated: list[str] = []
    monkeypatch.setattr(new_vm, "_terminate", lambda _, instance: terminated.append(instance))
    monkeypatch.setattr(first_vm, "up", lambda *_, refresh: terminated.append(str(refresh)))
    monkeypatch.setattr(alarms, "quiet", lambda *_: contextlib.nullcontext())
    return terminated


@pytest.fixture(name="stack")
def _stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    return Stack(name="dev", clone=tmp_path, env={})


def test_a_vm_is_terminated_and_the_update_asks_the_cloud_first(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, terminated: list[str]
) -> None:
    monkeypatch.setattr(Stack, "resources", lambda _: [VM])

    new_vm.replace(stack, confirmed="dev")

    assert terminated == [VM["id"], "True"]


@pytest.mark.parametrize(
    "case",
    [
        ([], "dev", "has no VM yet"),
        ([{**VM, "delete": True}], "dev", "has no VM yet"),
        ([{**VM, "protect": True}], "dev", "protects auth-vm"),
        ([VM], "", "make new-vm STACK=dev CONFIRM=dev"),
        ([VM], "prod", "CONFIRM is 'prod', not 'dev'"),
    ],
)
def test_without_a_vm_its_protection_off_and_a_yes_nothing_is_terminated(
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
    terminated: list[str],
    case: tuple[list[Any], str, str],
) -> None:
    resources, confirmed, message = case
    monkeypatch.setattr(Stack, "resources", lambda _: resources)

    with pytest.raises(StackError, match=message):
        new_vm.replace(stack, confirmed=confirmed)

    assert terminated == []
