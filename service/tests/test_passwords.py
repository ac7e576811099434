import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

import pytest
from argon2 import PasswordHasher
from auth.passwords import BusyError, Passwords


class Work:
    """Stands before the hasher: counts what is verified, and can hold it up."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        self.verified = 0
        self.held = threading.Event()
        self.held.set()

    def hash(self, password: str) -> str:
        assert self.held.wait(timeout=20), "the test forgot to let go"
        return self._hasher.hash(password)

    def verify(self, hashed: str, password: str) -> bool:
        self.verified += 1
        return bool(self._hasher.verify(hashed, password))

    def check_needs_rehash(self, hashed: str) -> bool:
        return self._hasher.check_needs_rehash(hashed)


def watched(*, workers: int = 1, queue: int = 1) -> tuple[Passwords, Work]:
    passwords = Passwords(workers=workers, queue=queue)
    work = Work(passwords._hasher)
    passwords._hasher = work  # type: ignore[assignment]
    return passwords, work


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, timeout=30))


def test_an_unknown_account_costs_as_many_hashes_as_a_known_one() -> None:
    passwords, work = watched()
    hashed = run(passwords.hash("right password"))

    assert run(passwords.verify(hashed, "right password")) is True
    known = work.verified
    assert run(passwords.verify(None, "right password")) is False

    assert work.verified == 2 * known == 2


def test_nobody_logs_in_with_the_stand_in_for_unknown_accounts() -> None:
    passwords, _ = watched()

    assert run(passwords.verify(None, "nobody has this password")) is False


def test_a_hash_that_is_none_is_a_wrong_password() -> None:
    passwords, _ = watched()

    assert run(passwords.verify("not a hash", "anything")) is False


def test_hashes_have_the_parameters_that_owasp_names() -> None:
    passwords, _ = watched()

    assert "$argon2id$v=19$m=19456,t=2,p=1$" in run(passwords.hash("right password"))


def test_a_hash_with_other_parameters_is_outdated() -> None:
    passwords, _ = watched()
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("right password")

    assert passwords.outdated(weak)
    assert not passwords.outdated(run(passwords.hash("right password")))


def test_more_than_can_wait_is_refused_and_room_comes_back() -> None:
    passwords, work = watched(workers=1, queue=1)

    async def crowd() -> None:
        work.held.clear()
        waiting = [asyncio.create_task(passwords.hash("a password")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await passwords.hash("one too many")
        work.held.set()
        await asyncio.gather(*waiting)
        await passwords.hash("there is room again")

    run(crowd())


def test_a_caller_that_gives_up_keeps_its_place_until_the_work_is_done() -> None:
    passwords, work = watched(workers=1, queue=1)

    async def impatient() -> None:
        work.held.clear()
        started = asyncio.create_task(passwords.hash("a password"))
        queued = asyncio.create_task(passwords.hash("a password"))
        await asyncio.sleep(0.05)
        started.cancel()
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await passwords.hash("the thread still works on the first one")
        work.held.set()
        await queued

    run(impatient())
