"""Tells what happens, in the present tense, with the time each step took."""

import contextlib
import sys
import time
from collections.abc import Iterator


class Story:
    def __init__(self) -> None:
        self._started = time.monotonic()

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        started = time.monotonic()
        self.say(f"{title}...")
        yield
        self.say(f"  {time.monotonic() - started:.1f} s")

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self._started, 1)
