"""Threads that work for the event loop: some at a time, some more wait, the rest is refused."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class FullError(Exception):
    """All places are taken."""


class Pool:
    """Runs functions in `threads` threads; `places` counts running and waiting functions.

    `niceness` is that of `nice(1)`: how much the threads let all others go first, such as the event
    loop.
    """

    def __init__(self, threads: int, *, places: int, name: str, niceness: int = 0) -> None:
        # on Linux, a thread has a niceness of its own
        self._threads = ThreadPoolExecutor(
            threads, thread_name_prefix=name, initializer=os.nice, initargs=(niceness,)
        )
        # all at once: later there may be no memory to start one
        ready = threading.Barrier(threads)
        for _ in range(threads):
            self._threads.submit(ready.wait)
        self.places = places
        self._counting = threading.Lock()
        self.taken = 0

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """Return or raise the result of the work; raise FullError without a free place.

        A caller that gives up does not stop the thread: its place is free when that is done.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()

        def settle(kind: Callable[[Any], None], outcome: object) -> None:
            if not answer.done():
                kind(outcome)

        def call() -> None:
            kind: Callable[[Any], None] = answer.set_result
            outcome: object
            try:
                outcome = work()
            except BaseException as error:  # noqa: BLE001 - it belongs to the caller
                kind, outcome = answer.set_exception, error
            # before the loop knows: it may be closed, and the place is free all the same
            self._count(-1)
            loop.call_soon_threadsafe(settle, kind, outcome)

        self._count(1)
        self._threads.submit(call)
        return await answer

    def _count(self, change: int) -> None:
        with self._counting:
            if self.taken + change > self.places:
                raise FullError
            self.taken += change

    def close(self) -> None:
        """Wait until all is done."""
        self._threads.shutdown(wait=True)
