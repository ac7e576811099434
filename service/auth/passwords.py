"""Passwords, hashed with argon2id in a pool that never takes more memory than it was given."""

import time
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from auth.observe.metrics import Metrics
from auth.pool import FullError, Pool

# OWASP Password Storage Cheat Sheet, argon2id: 19 MiB, 2 passes, 1 lane.
MEMORY_KIB, PASSES, LANES = 19456, 2, 1


Answer = TypeVar("Answer")


class BusyError(Exception):
    """More hashing is asked for than can be queued."""


class Passwords:
    """Hashes and verifies, `workers` at a time; up to `queue` more wait, the rest is refused."""

    def __init__(self, *, workers: int, queue: int, metrics: Metrics | None = None) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
        self._pool = Pool(workers, places=workers + queue, name="hash")
        self._metrics = metrics or Metrics(revision="")
        self._metrics.hash_queue.set_function(lambda: self._pool.taken)
        # made at start, with today's parameters: verifying against it takes as long as a real one
        self._nobody = self._hasher.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Tell whether the password is right. None stands for an unknown account: as much work."""

        def work() -> bool:
            try:
                self._hasher.verify(hashed or self._nobody, password)
            except (VerificationError, InvalidHashError):
                return False
            return hashed is not None

        return await self._run(work)

    def outdated(self, hashed: str) -> bool:
        """Tell whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(hashed)

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
