"""Every route of the API description, with requests generated from it.

Schemathesis reads the server's own description, so it also asks each new route.
"""

import contextlib
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
import schemathesis
from databases import Postgres
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from running import Server
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
_EXAMPLES = 8
_PASSWORD = "correct horse battery staple"


@pytest.fixture(name="described", scope="module")
def _described(
    tmp_path_factory: pytest.TempPathFactory, key: str, postgres: Postgres
) -> Iterator[list[Server]]:
    """Yield a server on each database, with the routes of development.

    A request takes longer to make than to answer, so each request goes to both servers.
    """
    servers = [
        Server(data=tmp_path_factory.mktemp("described"), key=key, database=database)
        for database in ("", postgres.new_database())
    ]
    for server in servers:
        server.start()
    yield servers
    for server in servers:
        server.stop()


def administrator(described: Server) -> str:
    """Make an administrator, who may use every route, and return the value of Authorization."""
    account = {"email": f"{uuid.uuid4().hex}@example.test", "password": _PASSWORD}
    with httpx.Client(base_url=described.url, timeout=30) as client:
        client.post("/v1/auth/register", json=account)
        token = client.post("/v1/auth/login", json=account).json()["access_token"]
    described.execute("UPDATE accounts SET role = 'admin'")
    return f"Bearer {token}"


def test_each_answer_conforms_to_the_description(
    described: list[Server], subtests: pytest.Subtests
) -> None:
    # Schemathesis' own parametrization does not work with this pytest.
    schema = schemathesis.openapi.from_url(f"{described[0].url}/openapi.json")
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        for mode in GenerationMode:
            with subtests.test(operation.label, mode=mode.value):
                # a new administrator, as some of the requests delete the account
                bearers = {server.url: administrator(server) for server in described}
                ask(operation.as_strategy(generation_mode=mode), bearers)


def ask(cases: Any, bearers: Mapping[str, str]) -> None:
    """Send the requests generated for an operation, without and with an administrator's token.

    `bearers` has that token for each server's URL.
    """

    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def send(case: Any) -> None:
        for url, bearer in bearers.items():
            for headers in ({}, {"Authorization": bearer}):
                case.call_and_validate(base_url=url, headers=headers, checks=_CHECKS, timeout=30)

    with contextlib.suppress(Unsatisfiable):  # a route without input has no invalid request
        send()


def test_no_request_met_an_unhandled_error(described: list[Server]) -> None:
    """Runs last, because pytest preserves the order of a file."""
    for server in described:
        assert "/v1/admin/audit-events" in server.log, "it was not asked"
        assert "Traceback" not in server.log
