"""A service's release lock, and a process that outlives its caller."""

import contextlib
import fcntl
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .errors import ReleaseError

_ANCESTORS = 10
_CRASHED = 70  # EX_SOFTWARE of sysexits.h


def caller() -> str:
    """Name the caller: the login behind sudo, and the address of its SSH session."""
    login = os.environ.get("SUDO_USER") or os.environ.get("USER") or "root"
    return f"{login} from {_address() or 'this host'}"


def _address() -> str:
    """Return the SSH client's address; sudo hides it, but a parent process has it."""
    process = os.getppid()
    for _ in range(_ANCESTORS):
        folder = Path(f"/proc/{process}")
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
            # the fields after the program's name, which may hold anything but ")" at its end
            process = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            return ""
        for variable in environment:
            words = variable.partition(b"=")[2].split()
            if variable.startswith(b"SSH_CLIENT=") and words:
                return words[0].decode(errors="replace")
    return ""


@contextlib.contextmanager
def locked(state: Path, service: str, *, by: str, seconds: float) -> Iterator[None]:
    """Hold the service's release lock; the kernel releases it when the process ends."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    deadline = time.monotonic() + seconds
    with (state / f"{service}.lock").open("a+") as file:
        reported = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                file.seek(0)
                holder = file.read().strip() or "another run"
                if time.monotonic() >= deadline:
                    raise ReleaseError(
                        f"{holder} is releasing {service} and did not end within {seconds:g} s; "
                        "try again when it has"
                    ) from None
                if not reported:
                    print(f"Wait for {holder}, which is releasing {service}...", file=sys.stderr)
                    reported = True
                time.sleep(0.5)
        try:
            file.truncate(0)
            file.write(f"{by} (process {os.getpid()}, since {time.strftime('%H:%M:%S')})")
            file.flush()
        except OSError as error:
            raise ReleaseError(
                f"{file.name} can't be written: {error.strerror}. "
                f"See the disk's free space: df -h {state}"
            ) from None
        yield


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
