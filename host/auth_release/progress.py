"""The progress of a run, in the present tense, with the time of each step."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from .failures import visible


class Progress:
    """Shows lines on stderr and hands them to `log`: a run outlives its terminal."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._started = time.monotonic()
        self._log = log

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        started = time.monotonic()
        self.show(f"{title}...")
        yield
        self.show(f"  {time.monotonic() - started:.1f} s")

    def show(self, line: str) -> None:
        line = visible(line)
        print(line, file=sys.stderr, flush=True)
        self._log(line)

    @property
    def seconds(self) -> float:
        """Return the seconds since the run began."""
        return round(time.monotonic() - self._started, 1)
