"""A database as the rest of the service sees it: functions of a connection, read or write."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy import text as sql
from sqlalchemy.exc import SQLAlchemyError

from auth.thread_pool import FullError, Pool

P = ParamSpec("P")
Answer = TypeVar("Answer")
Work = Callable[Concatenate[Connection, P], Answer]

# as long as a request may wait for a lock that another process holds
LOCK_SECONDS = 3.0
_PLACES = 256


class UnavailableError(SQLAlchemyError):
    """The database can't be reached now, or too many requests wait for it."""


class Database(ABC):
    """A database. Each `read` and each `write` is one transaction, done whole or not at all.

    They take a function of a connection (most are in `auth.storage`'s modules) and its arguments,
    and raise its errors; errors of the database are SQLAlchemyError, which the app answers with
    503.
    """

    def __init__(self, threads: int) -> None:
        self._pool = Pool(threads, places=_PLACES, name="database")

    @abstractmethod
    async def read(self, work: Work[P, Answer], /, *args: P.args, **kwargs: P.kwargs) -> Answer: ...

    async def write(self, work: Work[P, Answer], /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        return await self._in_thread(partial(self.write_now, work, *args, **kwargs))

    @abstractmethod
    def write_now(self, work: Work[P, Answer], /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        """Write from this thread, with no event loop: at start, and in commands."""

    @abstractmethod
    def migrate(self, work: Work[[], Answer]) -> Answer:
        """Do `work` in one transaction of any length, while no other process migrates."""

    @abstractmethod
    def close(self) -> None: ...

    def version(self) -> tuple[int, int] | None:
        """Return a version that differs after any process's commit, None where that is not cheap.

        Earlier reads are still right while it stays the same.
        """
        return None

    async def check(self) -> None:
        """Raise SQLAlchemyError unless the database answers and has our tables."""
        await self.read(lambda connection: connection.execute(_ALIVE).first())

    async def _in_thread(self, work: Callable[[], Answer]) -> Answer:
        deadline = time.monotonic() + LOCK_SECONDS

        def timely() -> Answer:
            # the rest of a queue behind a locked transaction does not wait for the lock again
            if time.monotonic() > deadline:
                raise UnavailableError("the database was busy for too long")
            return work()

        try:
            return await self._pool.run(timely)
        except FullError:
            raise UnavailableError("too many requests wait for the database") from None


_ALIVE = sql("SELECT 1 FROM accounts LIMIT 1")
