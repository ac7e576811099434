"""Tells what happens, in the present tense, with the time each step took."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from .failures import visible


class Story:
    """Told on stderr, and to `log`, which keeps it: a run goes on when nobody listens any more."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._started = time.monotonic()
        self._log = log

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        started = time.monotonic()
        self.say(f"{title}...")
        yield
        self.say(f"  {time.monotonic() - started:.1f} s")

    def say(self, line: str) -> None:
        line = visible(line)
        print(line, file=sys.stderr, flush=True)
        self._log(line)

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self._started, 1)
