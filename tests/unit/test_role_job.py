"""The Job that makes the service's role in Oracle's PostgreSQL server, from the nodes."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components import attempts, role_job
from components.image import Login, Registry
from tests.unit.conftest import Program, Recording, plain

Up = Callable[[Program], Recording]
DOCUMENT = {"host": "primary.test", "password": "of-the-administrator", "role": "auth"}


def make(up: Up, **changes: str) -> Recording:
    def program() -> None:
        login = Login(username="acme", password=pulumi.Output.secret("of-the-registry"))
        clients = role_job.on_nodes(
            "10.0.4.0/24",
            name="auth-database",
            cluster_id="ocid1.cluster",
            kubeconfig="{}",
            image=f"registry.test/auth@sha256:{'a' * 64}",
            registry=Registry(repository="registry.test/auth", push=login, pull=login),
            uid=10001,
        )
        clients.make_role(
            "auth-database-role",
            pulumi.Output.secret({**DOCUMENT, **changes}),
            pulumi.ResourceOptions(parent=pulumi.ComponentResource("auth:test:Parent", "parent")),
        )

    return up(program)


def test_the_administrators_password_is_in_a_file_of_the_job_alone(up: Up) -> None:
    recorded = make(up)

    content = plain(recorded["auth-database-secrets"]["stringData"])
    assert isinstance(content, dict)
    assert [json.loads(text) for text in content.values()] == [DOCUMENT]
    assert "of-the-administrator" not in str(recorded["auth-database-role"])
    names = {recorded[name]["metadata"]["namespace"] for name in ("auth-database-role",)}
    assert names == {"auth-database"}, "the service's own pods reach no Secret of this namespace"


def test_the_job_runs_after_what_its_pod_needs(up: Up) -> None:
    awaited = make(up).awaited["auth-database-role"]

    assert {"auth-database-account", "auth-database-registry", "auth-database-secrets"} <= awaited


def test_another_image_makes_no_role_again(up: Up) -> None:
    (path,) = make(up).ignored["auth-database-role"]

    assert path == "spec.template.spec.containers[0].image"


def test_another_password_of_the_administrator_runs_another_job(up: Up) -> None:
    one, other = (
        make(up, **changes)["auth-database-role"]["metadata"]["name"]
        for changes in ({}, {"password": "another"})
    )

    assert one != other


def test_a_failed_job_is_run_again_under_another_name(
    up: Up, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = make(up)
    first = recorded["auth-database-role"]["metadata"]["name"]
    failed = {"type": "Failed", "status": "True"}
    job = {"metadata": {"name": first}, "status": {"conditions": [failed]}}

    async def read(_: str, service: str) -> list[dict[str, Any]]:
        await asyncio.sleep(0)
        return [job] if service == "auth-database" else []

    monkeypatch.setattr(attempts, "read", read)
    again = make(up)

    assert again["auth-database-role"]["metadata"]["name"] == f"{first}-2"
    assert (
        again["auth-database-secrets"]["metadata"]["name"]
        == (recorded["auth-database-secrets"]["metadata"]["name"])
    ), "the same document is in the same Secret"
