"""A steady load on a URL: how many requests went out, which failed, how long the worst took."""

import threading
import time
from types import TracebackType
from typing import Self

import httpx

PER_SECOND = 50


class Load:
    """Sends requests at a steady rate while it is open, each on a connection of its own.

    Bounded: it stops by itself after `seconds`.
    """

    def __init__(self, url: str, *, seconds: float = 300) -> None:
        self.url = url
        self.sent = 0
        self.failures: list[str] = []
        self.worst = 0.0
        self._end = time.monotonic() + seconds
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(5)]
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=30)
        print(f"{self.sent} requests, {len(self.failures)} failed, worst {self.worst:.3f} s")

    def _work(self) -> None:
        pause = len(self._threads) / PER_SECOND
        while not self._stop.wait(pause) and time.monotonic() < self._end:
            started = time.monotonic()
            failure = ""
            try:
                answer = httpx.get(self.url, timeout=15)
                if answer.status_code != httpx.codes.OK:
                    failure = f"HTTP {answer.status_code}"
            except httpx.HTTPError as error:
                failure = repr(error)
            with self._lock:
                self.sent += 1
                self.worst = max(self.worst, time.monotonic() - started)
                if failure:
                    self.failures.append(failure)
