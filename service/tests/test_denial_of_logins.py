"""Strangers who guess at an account can't keep its user out (OWASP, device cookies)."""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
from applications import ISSUER, Browser, form_token
from callers import client, log_in, register
from running import Server
from users import User

# The default limits and lockout; without https, so that clients send cookies back on loopback.
SERVER_SETTINGS = {
    "AUTH_RATE_LIMITS": "",
    "AUTH_TRUSTED_PROXIES": "127.0.0.1",
    "AUTH_ISSUER": ISSUER,
}
# An attempt of each attacker before each log-in: at the attackers' rate of one in a second, this
# is half a minute; the limits and locks leave even less room in the shorter time of the test.
ROUNDS = 30
_NUMBERS = itertools.count(1)


@pytest.fixture(name="address")
def _address() -> str:
    """Return an address that no other test counts for."""
    return f"203.0.113.{next(_NUMBERS)}"


@pytest.fixture(name="victim")
def _victim(server: Server, address: str) -> Iterator[httpx.Client]:
    with client(server, address) as victim:
        yield victim


def attacked(server: Server, victim: httpx.Client, email: str, attackers: int) -> list[int]:
    """Return the statuses of the victim's right log-ins, and assert that no guess is let in."""
    with ExitStack() as stack:
        strangers = [
            stack.enter_context(client(server, f"198.51.100.{number}"))
            for number in range(attackers)
        ]
        statuses = []
        for _ in range(ROUNDS):
            for stranger in strangers:
                assert log_in(stranger, email, "a wrong guess").status_code in {401, 429}
            statuses.append(log_in(victim, email).status_code)
        return statuses


@pytest.mark.parametrize("attackers", [1, 10])
def test_a_client_that_has_logged_in_before_always_gets_in(
    server: Server, victim: httpx.Client, attackers: int
) -> None:
    email = f"known{attackers}@example.test"
    register(victim, email)
    assert log_in(victim, email).status_code == 200

    statuses = attacked(server, victim, email, attackers)

    assert statuses.count(200) == ROUNDS


def test_a_single_address_denies_nothing_to_a_client_that_comes_for_the_first_time(
    server: Server, victim: httpx.Client
) -> None:
    email = "fresh@example.test"
    register(victim, email)
    with client(server, "198.51.100.77") as stranger:
        for _ in range(ROUNDS):
            log_in(stranger, email, "a wrong guess")

    assert log_in(victim, email).status_code == 200


def test_a_neighbour_behind_the_same_address_denies_nothing(
    server: Server, victim: httpx.Client, address: str
) -> None:
    email = "neighbour@example.test"
    register(victim, email)
    assert log_in(victim, email).status_code == 200
    with client(server, address) as neighbour:
        statuses = {log_in(neighbour, email, "a wrong guess").status_code for _ in range(70)}
    assert 429 in statuses

    assert log_in(victim, email).status_code == 200


def test_a_known_client_that_guesses_is_locked_itself(victim: httpx.Client) -> None:
    email = "guesser@example.test"
    register(victim, email)
    log_in(victim, email)

    statuses = [log_in(victim, email, "a wrong guess").status_code for _ in range(8)]

    assert statuses == [401] * 6 + [429] * 2


def test_the_cookie_of_another_account_changes_nothing(
    server: Server, victim: httpx.Client
) -> None:
    """An attacker has a cookie of an account of their own."""
    register(victim, "target@example.test")
    with client(server, "198.51.100.88") as attacker:
        register(attacker, "attacker@example.test")
        assert log_in(attacker, "attacker@example.test").status_code == 200
        statuses = [
            log_in(attacker, "target@example.test", "a wrong guess").status_code for _ in range(7)
        ]
        cookie = dict(attacker.cookies)
    with client(server, "198.51.100.88") as again:
        assert log_in(again, "target@example.test", "a wrong guess").status_code == 429

    assert statuses[-1] == 429
    assert cookie, "a login gives a cookie"
    assert "attacker" not in str(cookie), "the cookie names no account"


def test_the_pages_know_a_browser_as_well(
    server: Server, victim: httpx.Client, address: str
) -> None:
    user = User(victim)
    register(victim, user.email)
    with Browser(server.url) as browser, ExitStack() as stack:
        browser.client.headers["X-Forwarded-For"] = address
        browser.sign_in(user)
        strangers = [
            stack.enter_context(client(server, f"198.51.100.{100 + number}")) for number in range(5)
        ]
        for stranger in strangers * 6:
            log_in(stranger, user.email, "a wrong guess")
        assert log_in(strangers[0], user.email, "a wrong guess").status_code == 429
        shown = browser.client.get("/sign-in")
        form = {
            "email": user.email,
            "password": user.password,
            "next": "",
            "csrf_token": form_token(shown),
        }

        assert browser.client.post("/sign-in", data=form).status_code == 303


def test_the_devices_of_an_account_share_a_count(server: Server) -> None:
    """Else each log-in would make a device with limits of its own, for guesses without end."""
    email = "collector@example.test"
    with ExitStack() as stack:
        devices = [
            stack.enter_context(client(server, f"192.0.2.{number}")) for number in range(1, 13)
        ]
        register(devices[0], email)
        assert {log_in(device, email).status_code for device in devices} == {200}

        statuses = [log_in(device, email).status_code for device in devices for _ in range(4)]

    assert 429 in statuses
    assert statuses.count(200) >= 30
