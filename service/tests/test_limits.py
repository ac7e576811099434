"""Rate limits and lockout, on a real database and with the tests' own clock."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from auth.context import CALLER, Caller
from auth.errors import Code, ProblemError
from auth.protection.limits import Action, Limits
from auth.protection.lockout import Lockout
from auth.protection.rates import DEFAULTS, Rate, rates
from auth.storage import audit as audit_events
from auth.storage import backends, schema
from auth.storage.database import Database
from auth.telemetry.audit import Audit
from auth.telemetry.metrics import Metrics
from hypothesis import given, settings
from hypothesis import strategies as st

NAME = "ada@example.test"


class Clock:
    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="database")
def _database(url: str) -> Iterator[Database]:
    database = backends.connect(url)
    schema.migrate(database)
    yield database
    database.close()


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, timeout=30))


def refused(work: Coroutine[Any, Any, Any]) -> int:
    """Run a call that must be refused; return the seconds to wait in its answer."""
    with pytest.raises(ProblemError) as caught:
        run(work)
    assert caught.value.code is Code.RATE_LIMITED
    assert caught.value.headers is not None
    return int(caught.value.headers["Retry-After"])


@contextlib.contextmanager
def calling(address: str) -> Iterator[None]:
    before = CALLER.set(Caller(address=address))
    yield
    CALLER.reset(before)


def made(database: Database, clock: Callable[[], float], words: str = "login=3/30") -> Limits:
    metrics = Metrics(revision="test")
    audit = Audit(database, metrics, now=clock)
    return Limits(database, rates(words), metrics, audit, now=clock)


def test_the_allowed_number_passes_and_the_next_gets_a_time_to_come_back(
    database: Database, clock: Clock
) -> None:
    limited = made(database, clock)
    for _ in range(3):
        run(limited.take(Action.LOGIN))

    wait = refused(limited.take(Action.LOGIN))
    clock.time += wait
    run(limited.take(Action.LOGIN))

    assert wait == 10


def test_a_caller_that_keeps_asking_waits_no_longer(database: Database, clock: Clock) -> None:
    limited = made(database, clock)
    for _ in range(3):
        run(limited.take(Action.LOGIN))
    for _ in range(9):
        refused(limited.take(Action.LOGIN))
        clock.time += 1

    clock.time += 1
    run(limited.take(Action.LOGIN))


def test_a_restart_forgets_nothing(database: Database, clock: Clock) -> None:
    for _ in range(3):
        run(made(database, clock).take(Action.LOGIN))

    refused(made(database, clock).take(Action.LOGIN))


def test_each_client_and_each_action_has_its_own_count(database: Database, clock: Clock) -> None:
    limited = made(database, clock, "login=1/60 guess=1/60")
    with calling("203.0.113.1"):
        run(limited.take(Action.LOGIN))
        run(limited.take(Action.GUESS))
        refused(limited.take(Action.LOGIN))

    with calling("203.0.113.2"):
        run(limited.take(Action.LOGIN))


def test_an_account_is_counted_from_wherever_it_is_tried(database: Database, clock: Clock) -> None:
    limited = made(database, clock, "login_account=2/60")
    for number in range(2):
        with calling(f"203.0.113.{number}"):
            run(limited.take(Action.LOGIN, account=NAME))

    with calling("203.0.113.9"):
        refused(limited.take(Action.LOGIN, account=f" {NAME.upper()}"))
        run(limited.take(Action.LOGIN, account="grace@example.test"))


def test_a_high_limit_takes_one_statement_for_many(database: Database, clock: Clock) -> None:
    limited = made(database, clock, "refresh=1000/60")
    written = 0
    write = database.write

    async def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal written
        written += 1
        return await write(*args, **kwargs)

    database.write = counted  # type: ignore[method-assign]
    for _ in range(1000):
        run(limited.take(Action.REFRESH))
    refused(limited.take(Action.REFRESH))

    assert written <= 102  # the last write is the audit event


def test_a_flood_is_one_event(database: Database, clock: Clock) -> None:
    limited = made(database, clock)
    for _ in range(3):
        run(limited.take(Action.LOGIN))
    for _ in range(50):
        refused(limited.take(Action.LOGIN))

    events = run(database.read(audit_events.page, before=None, size=9))
    assert [(event["event"], event["outcome"]) for event in events] == [("rate_limited", "failure")]


def test_a_limit_that_is_off_counts_nothing(database: Database, clock: Clock) -> None:
    limited = made(database, clock, "login=off")
    for _ in range(200):
        run(limited.take(Action.LOGIN))


def test_attempts_at_once_never_pass_more_than_allowed(database: Database, clock: Clock) -> None:
    both = [made(database, clock), made(database, clock)]

    async def crowd() -> list[Any]:
        attempts = [both[number % 2].take(Action.LOGIN) for number in range(20)]
        return await asyncio.gather(*attempts, return_exceptions=True)

    assert sum(answer is None for answer in run(crowd())) == 3


@pytest.mark.parametrize("words", ["login", "login=x/1", "login=1/0", "none=1/1", "login=1/1/1"])
def test_an_invalid_limit_is_named(words: str) -> None:
    with pytest.raises(ValueError, match=words.partition("=")[0]):
        rates(words)


def test_what_is_not_named_keeps_its_default() -> None:
    assert rates("login=1/2") == {**DEFAULTS, "login": Rate(1, 2)}


def locked(database: Database, clock: Clock) -> Lockout:
    return Lockout(database, allowed=3, now=clock)


def test_each_failure_after_the_free_ones_doubles_the_wait(
    database: Database, clock: Clock
) -> None:
    lockout, waits = locked(database, clock), []
    for _ in range(3):
        run(lockout.failed(NAME))
        run(lockout.check(NAME))
    for _ in range(12):
        run(lockout.failed(NAME))
        waits.append(refused(lockout.check(NAME)) - 1)
        clock.time += waits[-1] + 1

    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


def test_a_lock_of_one_client_leaves_others_alone_for_longer(
    database: Database, clock: Clock
) -> None:
    lockout = locked(database, clock)
    with calling("203.0.113.1"):
        for _ in range(4):
            run(lockout.failed(NAME))
        refused(lockout.check(NAME))

    with calling("203.0.113.2"):
        run(lockout.check(NAME))


def test_guesses_from_everywhere_lock_an_account_for_a_minute_at_most(
    database: Database, clock: Clock
) -> None:
    lockout = locked(database, clock)
    for number in range(60):
        with calling(f"203.0.113.{number}"):
            run(lockout.failed(NAME))

    assert refused(lockout.check(NAME)) <= 61


def test_a_success_forgets_the_failures_of_its_client_alone(
    database: Database, clock: Clock
) -> None:
    lockout = locked(database, clock)
    for _ in range(3):
        run(lockout.failed(NAME))

    run(lockout.succeeded(NAME))

    assert run(lockout.failed(NAME)) is False


def test_an_hour_without_a_failure_forgets_all(database: Database, clock: Clock) -> None:
    lockout = locked(database, clock)
    for _ in range(4):
        run(lockout.failed(NAME))
    clock.time += 3601

    assert run(lockout.failed(NAME)) is False


def test_the_database_holds_no_name_that_was_tried(database: Database, clock: Clock) -> None:
    run(locked(database, clock).failed(NAME))
    run(made(database, clock).take(Action.LOGIN, account=NAME))

    def everything(connection: Any) -> str:
        rows = [
            connection.exec_driver_sql("SELECT * FROM lockouts").all(),
            connection.exec_driver_sql("SELECT * FROM rate_limits").all(),
        ]
        return str(rows)

    assert "ada" not in run(database.read(everything))


@settings(max_examples=30, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=30))
def test_over_any_time_no_more_pass_than_the_bucket_and_its_leak(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, bool]]
) -> None:
    clock, passed = Clock(), 0
    database = backends.connect(f"sqlite:///{tmp_path_factory.mktemp('limits')}/auth.sqlite")
    schema.migrate(database)
    limited, began = made(database, clock), clock.time
    for seconds, restarted in steps:
        clock.time += seconds
        if restarted:
            limited = made(database, clock)
        with contextlib.suppress(ProblemError):
            run(limited.take(Action.LOGIN))
            passed += 1
    database.close()

    assert passed <= 3 + (clock.time - began) * 3 / 30
