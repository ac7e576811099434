import asyncio
import errno
import time
from collections.abc import Coroutine
from typing import Any

import cffi
import pytest
from argon2 import PasswordHasher
from auth.crypto.passwords import BusyError, Passwords, Verdict, is_right
from counting import Work


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, timeout=30))


def test_an_unknown_account_costs_as_many_hashes_as_a_known_one(work: Work) -> None:
    passwords = Passwords(workers=1, queue=1)
    hashed = run(passwords.hash("right password"))

    assert run(passwords.verify(hashed, "right password")).right
    known = work.verified
    assert not run(passwords.verify(None, "right password")).right

    assert work.verified == 2 * known == 2


def test_nobody_logs_in_with_the_stand_in_for_unknown_accounts() -> None:
    passwords = Passwords(workers=1, queue=1)

    assert not run(passwords.verify(None, "nobody has this password")).right


def test_an_invalid_hash_is_a_wrong_password() -> None:
    passwords = Passwords(workers=1, queue=1)

    assert not run(passwords.verify("not a hash", "anything")).right


def test_an_unreadable_hash_stays_wrong_after_a_lack_of_memory() -> None:
    cffi.FFI().errno = errno.ENOMEM

    assert not is_right("$argon2id$v=19$m=1,t=2,p=1$AAAA$AAAA", "anything")


def test_hashes_have_the_parameters_that_owasp_names() -> None:
    passwords = Passwords(workers=1, queue=1)

    assert "$argon2id$v=19$m=19456,t=2,p=1$" in run(passwords.hash("right password"))


@pytest.mark.parametrize("lanes", [1, 4])
def test_a_hash_by_the_reference_implementation_is_as_good(lanes: int) -> None:
    passwords = Passwords(workers=1, queue=1)
    hash_ = PasswordHasher(time_cost=1, memory_cost=64, parallelism=lanes).hash("right password")

    assert run(passwords.verify(hash_, "right password")).right
    assert not run(passwords.verify(hash_, "wrong password")).right


def test_the_reference_implementation_reads_our_hashes() -> None:
    made = run(Passwords(workers=1, queue=1).hash("right password"))

    assert PasswordHasher().verify(made, "right password")


def test_a_hash_with_other_parameters_is_outdated() -> None:
    passwords = Passwords(workers=1, queue=1)
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("a password")

    assert run(passwords.verify(weak, "a password")).outdated
    made = run(passwords.hash("a password"))
    assert run(passwords.verify(made, "a password")) == Verdict(right=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [("caf\u00e9 au lait", "cafe\u0301 au lait"), ("a b c d e", "a\u00a0b\u3000c d e")],
    ids=["composed", "spaces"],
)
def test_a_password_is_the_same_from_every_keyboard(one: str, other: str) -> None:
    passwords = Passwords(workers=1, queue=1)

    for first, second in ((one, other), (other, one)):
        stored = run(passwords.hash(first))
        assert run(passwords.verify(stored, second)) == Verdict(right=True)


@pytest.mark.parametrize("typed", ["cafe\u0301 au lait", "a\tb\tc\td"])
def test_a_hash_of_a_password_as_it_was_typed_is_good(typed: str) -> None:
    passwords = Passwords(workers=1, queue=1)
    stored = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1).hash(typed)

    verdict = run(passwords.verify(stored, typed))

    assert verdict.right
    assert verdict.outdated is ("\t" not in typed), "there is a form to hash it in"


def test_more_than_can_wait_is_refused_and_room_comes_back(work: Work) -> None:
    passwords = Passwords(workers=1, queue=1)

    async def crowd() -> None:
        work.held.clear()
        waiting = [asyncio.create_task(passwords.hash("a password")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await passwords.hash("too many")
        work.held.set()
        await asyncio.gather(*waiting)
        await passwords.hash("there is room again")

    run(crowd())


def test_a_caller_that_gives_up_keeps_its_place_until_the_work_is_done(work: Work) -> None:
    passwords = Passwords(workers=1, queue=1)

    async def impatient() -> None:
        work.held.clear()
        started = asyncio.create_task(passwords.hash("a password"))
        queued = asyncio.create_task(passwords.hash("a password"))
        await asyncio.sleep(0.05)
        started.cancel()
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await passwords.hash("the thread still works on the first hash")
        work.held.set()
        await queued

    run(impatient())


def test_a_loop_that_ends_before_its_work_leaves_no_place_taken(work: Work) -> None:
    passwords = Passwords(workers=1, queue=0)

    async def leaves() -> None:
        asyncio.create_task(passwords.hash("a password"))  # noqa: RUF006 - it is left behind
        await asyncio.sleep(0.05)

    async def room() -> bool:
        try:
            return bool(await passwords.hash("there is room again"))
        except BusyError:
            return False

    work.held.clear()
    run(leaves())
    assert not run(room())
    work.held.set()
    deadline = time.monotonic() + 10
    while not (free := run(room())) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert free
