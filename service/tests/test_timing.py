"""The time of an answer does not reveal whether an address has an account.

No limit in milliseconds holds on every machine, so a statistic decides. Each pair of requests, for
an address with an account and for one without, is sent in random order. If the time depends on
nothing but chance, each of the two is the slower with probability ½ (the sign test, which is exact
for any distribution and any load).
"""

import asyncio
import json
import math
import random
import time
import uuid
from collections.abc import Callable

import httpx
import pytest
from auth.accounts import register as registration
from auth.service import Service
from counting import statements
from running import Server
from users import PASSWORD, User

SERVER_SETTINGS = {"AUTH_HASHING_WORKERS": "1"}
_PAIRS = 32
# of a run without a fault; an answer without a hash is the faster in each pair, at 5e-10
_FALSE_ALARMS = 1e-7


def log_in(client: httpx.Client, email: str) -> httpx.Response:
    wrong = {"email": email, "password": "wrong horse battery staple"}
    return client.post("/v1/auth/login", json=wrong)


def register(client: httpx.Client, email: str) -> httpx.Response:
    return client.post("/v1/auth/register", json={"email": email, "password": PASSWORD})


def forget(client: httpx.Client, email: str) -> httpx.Response:
    return client.post("/v1/auth/password/forgot", json={"email": email})


@pytest.fixture(scope="module", name="known")
def _known(server: Server) -> list[str]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        return [User.registered(client).email for _ in range(_PAIRS)]


def probability(slower: int, pairs: int) -> float:
    """Return the probability of a split at least as uneven, if only chance decides."""
    tail = min(slower, pairs - slower)
    ways = sum(math.comb(pairs, count) for count in range(tail + 1))
    return min(1.0, 2 * ways / float(2**pairs))


Action = Callable[[httpx.Client, str], httpx.Response]


def ask(action: Action, client: httpx.Client, email: str) -> tuple[float, int]:
    """Return the seconds until an answer, and its status."""
    begun = time.perf_counter()
    status = action(client, email).status_code
    return time.perf_counter() - begun, status


@pytest.mark.parametrize("action", [log_in, register, forget])
def test_an_account_makes_an_answer_neither_slower_nor_faster(
    client: httpx.Client, known: list[str], action: Action
) -> None:
    slower = 0
    for email in known:
        addresses = [email, f"{uuid.uuid4().hex}@example.test"]
        order = random.sample(addresses, 2)
        answers = {address: ask(action, client, address) for address in order}
        (with_account, status), (without, same_status) = (answers[name] for name in addresses)
        assert status == same_status
        slower += with_account > without

    assert probability(slower, len(known)) > _FALSE_ALARMS, (
        f"the answer for an account was the slower in {slower} of {len(known)} pairs"
    )


def test_a_known_address_is_registered_with_as_many_statements_and_commits(
    service: Service,
) -> None:
    """A transaction that writes nothing ends sooner, by more than chance in 400 pairs."""

    def statements_for(email: str) -> list[str]:
        with statements() as collected:
            asyncio.run(registration.register(service, email, PASSWORD, locale=None))
        return collected

    unknown, known = (statements_for("ada@example.test") for _ in range(2))

    assert known == unknown
    assert known.count("INSERT INTO accounts") == 1
    assert known.count("COMMIT") == 2


def test_an_imported_hash_makes_the_answer_neither_slower_nor_faster(on_sqlite: Server) -> None:
    """It takes longer than our own hash, until the user has logged in."""
    emails = [f"{uuid.uuid4().hex}@example.test" for _ in range(_PAIRS)]
    slow = f"$2b$10${'.' * 53}"
    users = [json.dumps({"email": email, "password_hash": slow}) for email in emails]
    assert on_sqlite.command("import-users", stdin="\n".join(users)).returncode == 0
    on_sqlite.start()
    slower = 0
    with httpx.Client(base_url=on_sqlite.url, timeout=30) as client:
        for email in emails:
            addresses = [email, f"{uuid.uuid4().hex}@example.test"]
            order = random.sample(addresses, 2)
            seconds = {address: ask(log_in, client, address)[0] for address in order}
            slower += seconds[email] > seconds[addresses[1]]

    assert probability(slower, _PAIRS) > _FALSE_ALARMS, (
        f"the answer for an imported account was the slower in {slower} of {_PAIRS} pairs"
    )
