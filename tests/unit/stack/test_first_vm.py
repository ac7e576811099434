"""A first VM is tried in each domain, once, and an existing VM is never moved."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stack import engine_log, first_vm, lost_state
from stack.errors import OutOfCapacityError, StackError
from stack.first_vm import FAULT_DOMAINS, Place
from stack.stack import Stack

DOMAINS = ("AD-1", "AD-2", "AD-3")
VM = {"type": "oci:Core/instance:Instance"}
VOLUME = {"type": "oci:Core/volume:Volume", "outputs": {"availabilityDomain": "AD-2"}}


@dataclass
class Configured:
    """A configuration in memory."""

    stored: dict[str, str]
    file: Path = Path("Pulumi.dev.yaml")

    def values(self) -> dict[str, str]:
        return dict(self.stored)

    def set_value(self, key: str, value: str) -> None:
        self.stored[key] = value


@dataclass
class Tried:
    """A stack whose cloud has room in some places: pairs of index and fault domain."""

    room: Sequence[tuple[str, str]]
    state: list[dict[str, Any]] = field(default_factory=list)
    name: str = "dev"
    tries: list[tuple[str, str]] = field(default_factory=list)
    failure: type[StackError] = OutOfCapacityError

    def __post_init__(self) -> None:
        self.configuration = Configured({"auth:availabilityDomainIndex": "0"})

    def resources(self) -> list[dict[str, Any]]:
        return self.state

    def up(self, *, refresh: bool = False) -> set[str]:
        del refresh
        values = self.configuration.values()
        place = values["auth:availabilityDomainIndex"], values.get("auth:faultDomain", "")
        self.tries.append(place)
        if place not in self.room:
            raise self.failure("500-InternalError, Out of host capacity.")
        return {"urn"}


@pytest.fixture(name="asked", autouse=True)
def _asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the questions to the cloud."""
    asked: list[str] = []

    def domains(*_: Any) -> list[str]:
        asked.append("domains")
        return list(DOMAINS)

    monkeypatch.setattr(first_vm, "_ask_domains", domains)
    monkeypatch.setattr(lost_state, "refuse_second_server", lambda *_: asked.append("servers"))
    monkeypatch.setattr(first_vm, "_check_limits", lambda *_, **__: asked.append("limits"))
    return asked


def up(stack: Any) -> set[str]:
    return first_vm.up(stack, stack.resources(), refresh=False)


def test_without_a_vm_the_limits_are_asked_first(asked: list[str]) -> None:
    up(Tried(room=[("0", "")]))

    assert asked == ["servers", "domains", "limits"]


def test_with_a_vm_in_the_state_the_cloud_is_asked_nothing(asked: list[str]) -> None:
    assert up(Tried(room=[("0", "")], state=[VM])) == {"urn"}
    assert asked == []


def test_the_next_domain_with_room_is_taken_and_kept() -> None:
    stack = Tried(room=[("2", "")])

    assert up(stack) == {"urn"}
    assert stack.tries == [("0", ""), ("1", ""), ("2", "")]
    assert stack.configuration.stored["auth:availabilityDomainIndex"] == "2"


def test_fault_domains_follow_once_no_domain_has_room() -> None:
    stack = Tried(room=[("1", "FAULT-DOMAIN-2")])

    up(stack)

    assert stack.tries[:4] == [("0", ""), ("1", ""), ("2", ""), ("0", "FAULT-DOMAIN-1")]
    assert stack.configuration.stored["auth:faultDomain"] == "FAULT-DOMAIN-2"


def test_each_place_is_tried_once_and_the_configuration_is_as_before() -> None:
    stack = Tried(room=[])

    with pytest.raises(OutOfCapacityError, match="in 12 places, each tried once") as refused:
        up(stack)

    assert len(stack.tries) == len(set(stack.tries)) == 12
    assert "`make up STACK=dev` later" in str(refused.value)
    assert stack.configuration.stored["auth:availabilityDomainIndex"] == "0"


def test_a_vm_that_exists_never_moves() -> None:
    stack = Tried(room=[], state=[VM])

    with pytest.raises(OutOfCapacityError):
        up(stack)
    assert len(stack.tries) == 1


def test_another_failure_ends_the_tries() -> None:
    stack = Tried(room=[], failure=StackError)

    with pytest.raises(StackError):
        up(stack)
    assert len(stack.tries) == 1


def test_a_data_volume_binds_the_vm_to_its_domain() -> None:
    stack = Tried(room=[("1", "FAULT-DOMAIN-3")], state=[VOLUME])

    up(stack)

    assert stack.tries == [("1", ""), *(("1", fault_domain) for fault_domain in FAULT_DOMAINS)]


def test_a_region_with_one_domain_has_its_fault_domains() -> None:
    assert first_vm.places(["AD-1"], Place(index=0)) == [
        Place(index=0, fault_domain=fault_domain) for fault_domain in FAULT_DOMAINS
    ]


# as the CLI is when the cloud refuses the VM: it fails, and its log has the cloud's words
REFUSED = """#!/bin/sh
[ "$1 $2" = "stack ls" ] && echo '[{"name": "dev"}]' && exit
[ "$1 $2" = "stack export" ] && echo '{}' && exit
for word; do [ "$before" = --event-log ] && log=$word; before=$word; done
echo '{"diagnosticEvent": {"severity": "error", "message": "500, Out of host capacity."}}' > "$log"
exit 1
"""


def test_a_lack_of_room_fails_an_update_with_an_error_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulumi = tmp_path / "pulumi"
    pulumi.write_text(REFUSED)
    pulumi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    stack = Stack(name="dev", clone=tmp_path, env=os.environ)

    with pytest.raises(OutOfCapacityError):
        stack.up()
    pulumi.write_text(REFUSED.replace("Out of host capacity", "Too many requests"))
    with pytest.raises(StackError) as failed:
        stack.up()
    assert not isinstance(failed.value, OutOfCapacityError)


def test_the_engines_log_shows_that_no_host_had_room() -> None:
    message = "error: 500-InternalError, Out of host capacity."
    log = json.dumps({"diagnosticEvent": {"severity": "error", "message": message}}).encode()

    assert engine_log.is_out_of_capacity(log)
    assert not engine_log.is_out_of_capacity(log.replace(b"host", b"disk"))
