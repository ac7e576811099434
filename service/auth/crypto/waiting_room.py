"""A waiting room: callers wait there until a pool of threads has room for their work.

A client that is refused comes back, often at once. Its refusals then take the processor's time that
the work needs. In the waiting room a caller costs some memory, and soon gets its answer.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from auth.thread_pool import FullError, Pool

Task = asyncio.Task[object]


class WaitingRoom:
    """Has `seats` for callers, who wait in their order, each for up to `seconds`."""

    def __init__(self, pool: Pool, *, seats: int, seconds: float) -> None:
        self._pool, self._seats, self._seconds = pool, seats, seconds
        self._waiting: dict[asyncio.Future[None], Task | None] = {}
        # the callers that went on, and have not come to the pool yet
        self._coming: set[Task | None] = set()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @contextlib.asynccontextmanager
    async def passed(self) -> AsyncIterator[None]:
        """Begin the block once the pool has room; raise FullError after `seconds`, or with no seat.

        A place is kept for the block until its task calls `arrived`, just before it takes a thread.
        At the end of the block the next caller goes on.
        """
        task = asyncio.current_task()
        try:
            if self._is_full:
                await self._wait(task)
            else:
                self._coming.add(task)
            yield
        finally:
            self.arrived()
            self._call_next()

    def arrived(self) -> None:
        self._coming.discard(asyncio.current_task())

    @property
    def _is_full(self) -> bool:
        return self._pool.taken + len(self._coming) >= self._pool.places

    async def _wait(self, task: Task | None) -> None:
        if len(self._waiting) >= self._seats:
            raise FullError
        call: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[call] = task
        try:
            async with asyncio.timeout(self._seconds):
                await call
        except TimeoutError:
            raise FullError from None
        finally:
            self._waiting.pop(call, None)

    def _call_next(self) -> None:
        while self._waiting and not self._is_full:
            call = next(iter(self._waiting))
            task = self._waiting.pop(call)
            # a caller that gave up in this very moment is done
            if not call.done():
                # its place is kept from now on, before a newcomer can take it
                self._coming.add(task)
                call.set_result(None)
