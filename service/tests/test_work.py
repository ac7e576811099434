"""The work of frequent requests beside their hash, counted: seconds differ by machine."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest
from asking import Calls, ask
from auth.accounts import register as registration
from auth.app import create_app
from auth.crypto.passwords import BusyError, Passwords
from auth.service import Service
from auth.settings import Settings
from auth.sign_in import password, refresh, sessions
from counting import Work, built_statements, statements
from fastapi import FastAPI
from running import Server
from starlette.types import ASGIApp
from users import PASSWORD

Ask = Callable[[Service], Awaitable[None]]
EMAIL = "ada@example.test"


def test_a_login_and_a_refresh_build_no_statement(service: Service) -> None:
    """SQLAlchemy takes longer to build a statement than the database takes to run it."""

    async def log_in_and_refresh() -> None:
        account, _ = await password.with_password(service, EMAIL, PASSWORD, device="")
        grant = await sessions.begin(service, account, amr=["pwd"])
        assert await refresh.refresh(service, grant.refresh_token)

    asyncio.run(registration.register(service, EMAIL, PASSWORD, locale=None))
    with built_statements() as built:
        asyncio.run(log_in_and_refresh())

    assert built == []


async def log_in(service: Service) -> None:
    await password.with_password(service, EMAIL, PASSWORD, device="")


async def register(service: Service) -> None:
    await registration.register(service, EMAIL, PASSWORD, locale=None)


@pytest.mark.parametrize("ask", [log_in, register])
def test_a_request_that_finds_no_room_to_hash_reads_and_writes_nothing(
    service: Service, work: Work, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    monkeypatch.setattr("auth.crypto.passwords._SEATS_PER_PLACE", 0)
    service.passwords = Passwords(workers=1, queue=0)

    async def refused() -> list[str]:
        work.held.clear()
        hashing = asyncio.create_task(service.passwords.hash(PASSWORD))
        await asyncio.sleep(0)
        with statements() as collected, pytest.raises(BusyError):
            await ask(service)
        work.held.set()
        await hashing
        return collected

    assert asyncio.run(refused()) == []


def test_more_logins_than_have_room_wait_for_it(service: Service, work: Work) -> None:
    asyncio.run(register(service))
    service.passwords = Passwords(workers=1, queue=0)

    async def crowd() -> None:
        work.held.clear()
        logins = [asyncio.create_task(log_in(service)) for _ in range(4)]
        await asyncio.sleep(0.05)
        work.held.set()
        await asyncio.gather(*logins)

    asyncio.run(crowd())


@pytest.fixture(name="app")
def _app(on_sqlite: Server) -> Iterator[ASGIApp]:
    """Yield the application in the test's own process, on SQLite."""
    (on_sqlite.data / "key.pem").write_text(on_sqlite.key)
    service = Service.open(Settings.from_environment(on_sqlite.environment))
    yield create_app(service)
    service.close()


def test_a_request_with_a_token_calls_few_functions_beside_those_of_a_minimal_route(
    app: ASGIApp,
) -> None:
    minimal = FastAPI()
    minimal.add_api_route("/v1/me", _hello)
    credentials = {"email": EMAIL, "password": PASSWORD}

    async def measure() -> tuple[Calls, Calls]:
        await ask(app, "POST", "/v1/auth/register", body=credentials)
        _, tokens = await ask(app, "POST", "/v1/auth/login", body=credentials)
        bearer = {"authorization": f"Bearer {tokens['access_token']}"}
        return await calls(app, bearer), await calls(minimal, bearer)

    ours, least = asyncio.run(measure())

    assert ours.number < 1.34 * least.number, ours.most.most_common(30)


async def _hello() -> dict[str, str]:
    return {"hello": "world"}


async def calls(app: ASGIApp, headers: dict[str, str]) -> Calls:
    """Count the calls of a request that is not the first."""
    for _ in range(3):
        with Calls() as counted:
            status, _answer = await ask(app, "GET", "/v1/me", headers=headers)
        assert status == 200
    return counted
