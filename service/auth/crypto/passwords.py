"""Passwords, hashed with argon2id in a pool that never takes more memory than it was given.

libsodium hashes, with the widest vectors of the CPU: on x86-64 it takes three fifths of the
reference implementation's time. The encoded hashes are the same.
"""

import asyncio
import contextlib
import errno
import time
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

from _cffi_backend import FFI
from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id

from auth.crypto import imported_hashes, password_forms
from auth.crypto.waiting_room import WaitingRoom
from auth.errors import Code, ProblemError
from auth.telemetry.metrics import Metrics
from auth.thread_pool import FullError, Pool

# OWASP Password Storage Cheat Sheet, argon2id: 19 MiB, 2 passes, 1 lane (libsodium has no more)
MEMORY_KIB, PASSES = 19456, 2
PARAMETERS = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1$"
# other requests are short: hashing lets them go first, and loses little time
_NICENESS = 5
# a failed login takes at least so much longer than the slowest imported hash took alone, which
# covers a machine that is busy
_MARGIN, _LONGEST_SECONDS = 1.5, 5.0
# for each place of the queue so many more requests wait for one, as long as `Retry-After` tells a
# refused client
_SEATS_PER_PLACE, _PATIENCE_SECONDS = 8, 1.0
# PyNaCl calls with cffi, which keeps errno as it was after the call, for each thread; the package
# `cffi` would bring its parser of C, of 2 MB
_LAST_CALL = FFI()
# in the place of a hash, for an account whose user signs in with an upstream; no hash begins so
NO_PASSWORD = "!"  # noqa: S105

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a password is right, and whether its stored hash has to be made anew."""

    right: bool
    outdated: bool = False


class BusyError(ProblemError):
    """The queue of hashes is full, or there is no memory for a hash."""

    def __init__(self) -> None:
        super().__init__(Code.BUSY, {"Retry-After": "1"})


def hashed(password: str) -> str:
    """Hash a password in this thread: for commands, and for the threads of the pool."""
    text = password_forms.prepared(password) or password
    # a call that fails for another reason may leave the earlier value
    _LAST_CALL.errno = 0
    try:
        return argon2id.str(text.encode(), opslimit=PASSES, memlimit=MEMORY_KIB << 10).decode()
    except CryptoError:
        _refuse_without_memory()
        raise


def is_right(stored: str, text: str) -> bool:
    """Return whether a hash is that of this very text.

    It may have other parameters than ours (argon2id or argon2i, version 19, 127 characters), or be
    one of `auth.crypto.imported_hashes`.
    """
    if imported_hashes.is_made_elsewhere(stored):
        return imported_hashes.is_right(stored, text)
    _LAST_CALL.errno = 0
    try:
        return argon2id.verify(stored.encode(), text.encode())
    except CryptoError:
        # PyNaCl calls this a wrong password too
        _refuse_without_memory()
        return False


def _refuse_without_memory() -> None:
    if _LAST_CALL.errno == errno.ENOMEM:
        raise BusyError from None


def _measured(beginning: str) -> float:
    began = time.perf_counter()
    is_right(imported_hashes.dummy(beginning), "nobody has this password")
    return min(_MARGIN * (time.perf_counter() - began), _LONGEST_SECONDS)


class Passwords:
    """Hashes and verifies, `workers` at a time; up to `queue` more wait, the rest is refused."""

    def __init__(self, *, workers: int, queue: int, metrics: Metrics | None = None) -> None:
        places = workers + queue
        self._pool = Pool(workers, places=places, name="hash", niceness=_NICENESS)
        self._waiting_room = WaitingRoom(
            self._pool, seats=_SEATS_PER_PLACE * places, seconds=_PATIENCE_SECONDS
        )
        self._metrics = metrics or Metrics(revision="")
        self._metrics.hash_queue.set_function(lambda: self._pool.taken + self._waiting_room.waiting)
        # made at start, with today's parameters: verifying against it takes as long as for an
        # account
        self._nobody = hashed("nobody has this password")
        # by the parameters of imported hashes
        self._seconds: dict[str, float] = {}

    def expect(self, beginnings: Collection[str]) -> None:
        """Measure the imported hashes that accounts have, given by their parameters.

        From then on a failed login takes as long as with the slowest of them, also for an account
        without such a hash, and for no account. The time is waited, so that strangers can't use up
        the threads.
        """
        known = self._seconds
        # another dictionary each time: the event loop may be reading the present one
        self._seconds = {
            beginning: known.get(beginning) or _measured(beginning) for beginning in beginnings
        }

    async def learn(self, beginnings: Collection[str]) -> None:
        """Do the same in the pool, if the parameters have changed and the pool has room."""
        if {*beginnings} != {*self._seconds}:
            with contextlib.suppress(BusyError):
                await self._run(lambda: self.expect(beginnings))

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Begin the block once the queue has room for a hash in it; raise BusyError after a second.

        It stands before all other work of a request that hashes: a refusal then costs little.
        """
        try:
            async with self._waiting_room.passed():
                yield
        except FullError:
            raise BusyError from None

    async def hash(self, password: str) -> str:
        return await self._run(lambda: hashed(password))

    async def verify(self, stored: str | None, password: str) -> Verdict:
        """Judge a password. None, an unknown account, takes as long as a wrong password.

        So does NO_PASSWORD, for which every password is wrong.

        A hash is outdated if it has other parameters than today's, or is that of another form of
        the password: earlier releases hashed a password as it was typed.
        """
        forms = password_forms.to_verify(password)
        if stored == NO_PASSWORD:
            stored = None
        judged, began = stored or self._nobody, 0.0

        def work() -> str | None:
            nonlocal began
            began = time.perf_counter()
            return next((form for form in forms if is_right(judged, form)), None)

        matching = await self._run(work)
        if matching is None or stored is None:
            ends = began + len(forms) * max(self._seconds.values(), default=0.0)
            await asyncio.sleep(max(0.0, ends - time.perf_counter()))
            return Verdict(right=False)
        return Verdict(
            right=True, outdated=matching != forms[0] or not stored.startswith(PARAMETERS)
        )

    def close(self) -> None:
        self._pool.close()

    async def _run(self, work: Callable[[], Answer]) -> Answer:
        asked = time.perf_counter()

        def timed() -> Answer:
            began = time.perf_counter()
            self._metrics.hash_wait.observe(began - asked)
            try:
                return work()
            finally:
                self._metrics.hash_work.observe(time.perf_counter() - began)

        self._waiting_room.arrived()
        try:
            return await self._pool.run(timed)
        except FullError:
            raise BusyError from None
