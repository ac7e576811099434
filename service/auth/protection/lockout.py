"""Lockout: after failed logins, each further failure doubles the wait.

There are two counts. The count of an account and a client allows few failures, so guessing from one
place ends soon. The count of an account from anywhere allows many, and its longest wait is short:
guessing from many places is slow, yet nobody can lock another user out for long. Every lock ends.

A browser that has signed in to the account before has a count of its own (`auth.http.devices`):
neither of these two locks it.

An account that does not exist is counted and locked alike, by a hash of the name.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from auth.context import CALLER
from auth.errors import Code, ProblemError
from auth.protection.counted import counted_as, hashed_name
from auth.storage import lockouts
from auth.storage.database import Database

_MEMORY_SECONDS = 3600.0
_MOST_DOUBLINGS = 30


@dataclass(frozen=True)
class Lock:
    """`allowed` failures are free; the next locks for `first` seconds, at most `longest`."""

    allowed: int
    first: float
    longest: float

    def seconds(self, failures: int) -> float:
        over = failures - self.allowed
        if over <= 0:
            return 0.0
        return float(min(self.longest, self.first * 2 ** min(over - 1, _MOST_DOUBLINGS)))


class Lockout:
    """`allowed`: failures of an account from the same client; from anywhere, four times as many."""

    def __init__(
        self, database: Database, *, allowed: int, now: Callable[[], float] = time.time
    ) -> None:
        self._database, self._now = database, now
        self._here = Lock(allowed, first=2, longest=900)
        self._anywhere = Lock(4 * allowed, first=2, longest=60)

    async def check(self, name: str) -> bool:
        """Refuse with 429 while locked; return whether any attempt has failed."""
        return self.judge(await self._database.read(lockouts.until, *self.subjects(name)))

    def judge(self, until: float | None) -> bool:
        """Do as `check` does, with the result of `lockouts.until` for the name's subjects."""
        wait = (until or 0) - self._now()
        if wait > 0:
            raise ProblemError(Code.RATE_LIMITED, {"Retry-After": str(int(wait) + 1)})
        return until is not None

    async def failed(
        self, name: str, device: str = "", *, locked: Callable[[Connection], None] | None = None
    ) -> bool:
        """Count a failure; return whether the account is locked by it.

        The first failure that locks the account for everybody calls `locked` in its transaction.
        """
        subjects, now = self.subjects(name, device), self._now()

        def work(connection: Connection) -> float:
            until = lockouts.failed(
                connection,
                {subject: lock.seconds for subject, lock in subjects.items()},
                now=now,
                memory=_MEMORY_SECONDS,
            )
            everybody = [name for name, lock in subjects.items() if lock is self._anywhere]
            if until and locked and everybody:
                failures = lockouts.failures(connection, everybody[0], now)
                if failures == self._anywhere.allowed + 1:
                    locked(connection)
            return until

        return await self._database.write(work) > 0

    async def succeeded(self, name: str, device: str = "") -> None:
        """Forget the failures of this client; failures elsewhere may be somebody's guesses."""
        await self._database.write(lockouts.clear, list(self.subjects(name, device))[:1])

    def subjects(self, name: str, device: str = "") -> dict[str, Lock]:
        """Return the subjects that count a name and the current caller, with their locks.

        A known `device` of the account is counted by itself alone.
        """
        hashed = hashed_name(name)
        if device:
            return {f"{hashed}@device:{device}": self._here}
        return {f"{hashed}@{counted_as(CALLER.get().address)}": self._here, hashed: self._anywhere}
