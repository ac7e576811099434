"""A service's release lock: one run at a time."""

import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TextIO

from .errors import ReleaseError

_POLL_SECONDS = 0.1
_GLANCE_SECONDS = 0.02  # longer than a look at the holder has the lock


@contextlib.contextmanager
def locked(state: Path, service: str, *, by: str, seconds: float) -> Iterator[None]:
    """Hold the service's release lock; the kernel releases it when the process ends.

    Raises ReleaseError, with the holder's name, after `seconds`.
    """
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _path(state, service).open("a+") as file:
        if not take(file):
            time.sleep(_GLANCE_SECONDS)
        if not take(file):
            _wait_for(file, state, service, seconds)
        try:
            _sign(file, by)
        except OSError as error:
            raise ReleaseError(
                f"{file.name} can't be written: {error.strerror}. "
                f"See the disk's free space: df -h {state}"
            ) from None
        yield


@contextlib.contextmanager
def unless_taken(state: Path, service: str, *, by: str) -> Iterator[bool]:
    """Hold the service's release lock if no run has it; yield whether it is held.

    A run that has the lock does not notice the attempt: this waits in no queue.
    """
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _path(state, service).open("a+") as file:
        is_mine = take(file)
        if is_mine:
            with contextlib.suppress(OSError):  # of a full disk
                _sign(file, by)
        yield is_mine


def is_awaited(state: Path, service: str) -> bool:
    """Whether a run waits for the service's release lock."""
    with _queue(state, service).open("a") as queue:
        return not take(queue)


def holder(state: Path, service: str) -> str | None:
    """Describe the run that holds the service's release lock; None without such a run."""
    path = _path(state, service)
    if not path.exists():
        return None
    with path.open() as file:
        return None if take(file, shared=True) else _holder(file)


def _wait_for(file: TextIO, state: Path, service: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    print(f"Wait for {_holder(file)}, at work on {service}...", file=sys.stderr, flush=True)
    with _queue(state, service).open("a") as queue:
        # several runs may wait; the lock on the queue ends with the process, too
        fcntl.flock(queue, fcntl.LOCK_SH)
        while not take(file):
            if time.monotonic() >= deadline:
                raise ReleaseError(
                    f"{_holder(file)} is at work on {service} and did not end within "
                    f"{seconds:.0f} s; try again when it has"
                )
            time.sleep(_POLL_SECONDS)


def _sign(file: TextIO, by: str) -> None:
    """Write the holder's name into the file of a lock that is held."""
    file.truncate(0)
    file.write(f"{by} (process {os.getpid()}, since {time.strftime('%H:%M:%S')})")
    file.flush()


def take(file: IO[str], *, shared: bool = False) -> bool:
    """Lock an open file unless another process has it; return whether it is locked now."""
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: TextIO) -> str:
    file.seek(0)
    return file.read().strip() or "another run"


def _path(state: Path, service: str) -> Path:
    return state / f"{service}.lock"


def _queue(state: Path, service: str) -> Path:
    return state / f"{service}.queue"
