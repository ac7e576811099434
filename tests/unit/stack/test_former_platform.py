"""The platform that a stack leaves: an update keeps it, and only a yes deletes it."""

from pathlib import Path
from typing import Any

import pytest

from stack import former_platform, retirement
from stack.errors import StackError
from stack.pulumi import Pulumi
from stack.stack import Stack


def resource(urn: str, **values: Any) -> dict[str, Any]:
    name = f"urn:pulumi:dev::auth::{urn}"
    return {"urn": name, "type": urn.rpartition("::")[0].rpartition("$")[2], **values}


SERVER = resource("auth:server:Server::auth")
VOLUME = resource(
    "auth:server:Server$oci:Core/volume:Volume::auth-data",
    protect=True,
    id="ocid1.volume.oc1..data",
    outputs={"sizeInGbs": "50"},
)
ADDRESS = resource(
    "auth:server:Server$oci:Core/publicIp:PublicIp::auth-address",
    outputs={"ipAddress": "192.0.2.7"},
)
DATABASE = resource(
    "auth:postgresql:Postgresql$oci:Psql/dbSystem:DbSystem::auth-database", protect=True
)
CLUSTER = resource("auth:cluster:Cluster::auth")
MOVED = [SERVER, VOLUME, ADDRESS, DATABASE, CLUSTER]
LEAVING = [SERVER, VOLUME, ADDRESS]


@pytest.fixture(name="stack")
def _stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {auth:platform: cluster}\n")
    monkeypatch.setattr(Stack, "resources", lambda _: MOVED)
    return Stack(name="dev", clone=tmp_path, env={})


@pytest.fixture(name="steps")
def _steps(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    steps = [
        {"op": "same", "urn": DATABASE["urn"]},
        *({"op": "delete", "urn": each["urn"]} for each in LEAVING),
    ]
    monkeypatch.setattr(Stack, "planned_steps", lambda *_, **__: steps)
    return steps


@pytest.fixture(name="done")
def _done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the protections that were taken away, and the updates."""
    done: list[str] = []
    monkeypatch.setattr(Pulumi, "read", lambda _, *argv: done.append(" ".join(argv)))
    monkeypatch.setattr(Stack, "up", lambda _, *, keeping: done.append(f"up {keeping}"))
    return done


@pytest.mark.usefixtures("steps")
def test_an_update_leaves_all_that_it_would_delete_in_a_move_alone(stack: Stack) -> None:
    assert former_platform.kept(stack) == [each["urn"] for each in LEAVING]


def test_an_update_without_a_move_plans_once(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stack, "resources", lambda _: [CLUSTER, DATABASE])

    assert former_platform.kept(stack) == [], "planned_steps would have run the CLI"
    assert former_platform.notice(stack) is None


def test_the_way_back_keeps_the_cluster() -> None:
    assert former_platform.of([CLUSTER], is_cluster=False) == "cluster"
    assert former_platform.of([SERVER], is_cluster=False) is None


def test_the_notice_names_the_address_and_the_end_of_the_move(stack: Stack) -> None:
    notice = str(former_platform.notice(stack))

    assert "192.0.2.7" in notice
    assert "`make retire STACK=dev`" in notice or "make retire STACK=dev" in notice


@pytest.mark.usefixtures("steps")
def test_a_yes_takes_the_protection_of_the_former_platform_alone_away(
    stack: Stack, done: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    retirement.retire(stack, named="dev")

    assert done == [f"state unprotect --yes {VOLUME['urn']}", "up False"]
    assert "the data volume auth-data (50 GB" in capsys.readouterr().err


@pytest.mark.parametrize("named", ["", "prod"])
@pytest.mark.usefixtures("steps")
def test_without_a_yes_nothing_is_deleted(stack: Stack, done: list[str], named: str) -> None:
    with pytest.raises(StackError, match="Nothing was deleted"):
        retirement.retire(stack, named=named)

    assert done == []


def test_the_former_platform_stays_while_the_new_one_is_incomplete(
    stack: Stack, steps: list[dict[str, str]], done: list[str]
) -> None:
    steps.append({"op": "create", "urn": "urn:pulumi:dev::auth::x::auth-deployment"})

    with pytest.raises(StackError, match="such as auth-deployment"):
        retirement.retire(stack, named="dev")

    assert done == []


def test_a_stack_that_does_not_move_has_nothing_to_retire(
    stack: Stack, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stack, "resources", lambda _: [CLUSTER])

    with pytest.raises(StackError, match="no other platform"):
        retirement.retire(stack, named="dev")

    assert done == []
