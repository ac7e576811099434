"""The frame around each command: how it is stopped, how its errors are shown, its exit status."""

import os
import select
import sys
from collections.abc import Callable

from common import interruption
from common.progress import StepError

INTERRUPTED = 130
READER_GONE = 141  # of a command that SIGPIPE ended, as shells have it


class Stopped(KeyboardInterrupt):
    """A command was stopped; the text names the work that may go on elsewhere."""


def exit_status(command: Callable[[], int]) -> int:
    """Run a command; return its exit status, 1 after a StepError, or 130 after Ctrl-C.

    It is 141 if the reader of the output is gone, as in `make logs | head`.
    """
    interruption.stop_on_terminate()
    try:
        status = command()
        sys.stdout.flush()
    except BrokenPipeError:
        if not _reader_is_gone():
            raise
        return READER_GONE
    except KeyboardInterrupt as stop:
        print("\nStopped. Nothing is lost: the same command goes on from here.", file=sys.stderr)
        if str(stop):
            print(stop, file=sys.stderr)
        return INTERRUPTED
    except StepError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return status


def _reader_is_gone() -> bool:
    """Check whether the standard output leads nowhere; then nothing more is written to it.

    Source: https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    output = sys.stdout.fileno()
    state = select.poll()
    state.register(output, 0)
    if not any(event & select.POLLERR for _, event in state.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), output)
    return True
