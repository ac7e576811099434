"""Ctrl-C and termination: their effect on a command and on the program that it runs."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


def stop_on_terminate() -> None:
    """Treat being terminated like Ctrl-C, so that no program of ours goes on alone."""
    signal.signal(signal.SIGTERM, _stop)


@contextmanager
def patience() -> Iterator[None]:
    """Let the running program end by itself after a first Ctrl-C, then raise KeyboardInterrupt.

    The terminal sends Ctrl-C to the program too. Pulumi then ends its operations and releases its
    lock, unless it is killed meanwhile; a second Ctrl-C does that.
    """
    interrupted = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        if interrupted:
            _stop(number, frame)
        interrupted = True
        print("\nStopping when it is safe. Ctrl-C again stops at once.", file=sys.stderr)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if interrupted:
            raise KeyboardInterrupt


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
