"""A process that outlives its caller: a release goes on when the SSH connection breaks."""

import contextlib
import os
import select
import signal
import sys
from collections.abc import Callable

from .errors import ReleaseError

_CRASHED = 70  # EX_SOFTWARE of sysexits.h


def detached(work: Callable[[Callable[[str], None]], int]) -> tuple[int, str]:
    """Do the work in a process that outlives this process; return its exit status and result.

    The work gets a function that reports its result: this process ends then, and the work goes on
    alone. It also goes on when the SSH connection breaks; the next run continues from there.
    """
    # in memory: a full disk must not hide the failure's message
    with os.fdopen(os.memfd_create("auth-release"), "w+b") as output:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            _leave(output.fileno())
            status = _CRASHED
            try:
                status = work(lambda result: _report(writer, result))
            finally:
                sys.stderr.flush()
                os._exit(status)
        os.close(writer)
        return _follow(child, reader, output.fileno())


def _follow(child: int, reader: int, output: int) -> tuple[int, str]:
    """Show the output of the process until its result or its end; return status and result."""
    shown, ended = 0, False
    with os.fdopen(reader) as results:
        while not ended:
            # readable at the result, or at the end of the process
            ended = bool(select.select([results], [], [], 0.1)[0])
            shown += _show(output, shown)
        result = results.read()
    if result:
        return 0, result
    _, status = os.waitpid(child, 0)
    _show(output, shown)
    code = os.waitstatus_to_exitcode(status)
    if code < 0 or code == _CRASHED:
        cause = f"by signal {-code}" if code < 0 else "at a mistake of its own"
        raise ReleaseError(
            f"the process that made it was ended {cause}. The next run finishes or undoes its "
            "work. See `journalctl -t auth-release` and `dmesg`"
        )
    return code, ""


def _leave(output: int) -> None:
    """Leave the caller's terminal and streams, which would keep the SSH connection open."""
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream, target in enumerate((nothing, nothing, output)):
        os.dup2(target, stream)


def _report(writer: int, result: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # the caller is gone
        os.write(writer, result.encode())
    os.close(writer)


def _show(output: int, begin: int) -> int:
    """Copy the output since `begin` to stderr; return its length in bytes."""
    text = os.pread(output, 1 << 20, begin)
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.buffer.write(text)
        sys.stderr.flush()
    return len(text)
