"""The frame around each command: how it is stopped, how its errors are shown, its exit status."""

import sys
from collections.abc import Callable

from common import interruption
from common.progress import StepError

INTERRUPTED = 130


class Stopped(KeyboardInterrupt):
    """A command was stopped; the text names the work that may go on elsewhere."""


def exit_status(command: Callable[[], int]) -> int:
    """Run a command; return its exit status, 1 after a StepError, or 130 after Ctrl-C."""
    interruption.stop_on_terminate()
    try:
        return command()
    except KeyboardInterrupt as stop:
        print("\nStopped. Nothing is lost: the same command goes on from here.", file=sys.stderr)
        if str(stop):
            print(stop, file=sys.stderr)
        return INTERRUPTED
    except StepError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
