"""Passwords, hashed with argon2id in a pool that never takes more memory than it was given.

libsodium hashes, with the widest vectors of the CPU: on x86-64 it takes three fifths of the
reference implementation's time. The encoded hashes are the same.
"""

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import cffi
from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id

from auth.crypto import password_forms
from auth.errors import Code, ProblemError
from auth.telemetry.metrics import Metrics
from auth.thread_pool import FullError, Pool

# OWASP Password Storage Cheat Sheet, argon2id: 19 MiB, 2 passes, 1 lane (libsodium has no more)
MEMORY_KIB, PASSES = 19456, 2
_PARAMETERS = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1$"
# other requests are short: hashing lets them go first, and loses little time
_NICENESS = 5
# PyNaCl calls with cffi, which keeps errno as it was after the call, for each thread
_LAST_CALL = cffi.FFI()
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

    It may have other parameters than ours: argon2id or argon2i, version 19, 127 characters.
    """
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


class Passwords:
    """Hashes and verifies, `workers` at a time; up to `queue` more wait, the rest is refused."""

    def __init__(self, *, workers: int, queue: int, metrics: Metrics | None = None) -> None:
        self._pool = Pool(workers, places=workers + queue, name="hash", niceness=_NICENESS)
        self._metrics = metrics or Metrics(revision="")
        self._metrics.hash_queue.set_function(lambda: self._pool.taken)
        # made at start, with today's parameters: verifying against it takes as long as for an
        # account
        self._nobody = hashed("nobody has this password")

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
        matching = await self._run(
            lambda: next((form for form in forms if is_right(stored or self._nobody, form)), None)
        )
        if matching is None or stored is None:
            return Verdict(right=False)
        return Verdict(
            right=True, outdated=matching != forms[0] or not stored.startswith(_PARAMETERS)
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

        try:
            return await self._pool.run(timed)
        except FullError:
            raise BusyError from None
