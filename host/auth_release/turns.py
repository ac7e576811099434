"""The turns of a host: a few releases of its services at a time, and the others wait.

Each release pulls an image and starts a container. Without a bound, a host with many services would
make all of them slow at once, until every health gate fails.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from .errors import ReleaseError
from .lock import take

TURN_SECONDS = 600  # below the program's own limit for a release
_LEAST = 2


def at_a_time() -> int:
    """Return the number of releases that this host makes side by side: its processors', or 2."""
    return max(_LEAST, os.cpu_count() or 1)


@contextlib.contextmanager
def turn(
    state: Path,
    service: str,
    *,
    show: Callable[[str], None],
    places: int | None = None,
    seconds: float = TURN_SECONDS,
) -> Iterator[None]:
    """Hold a turn of the host; the kernel frees it when the process ends.

    Raises ReleaseError, with the bound and the services that hold the turns, after `seconds`.
    """
    places = places or at_a_time()
    folder = state / "turns"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    deadline = time.monotonic() + seconds
    is_shown = False
    with contextlib.ExitStack() as files:
        locks = [files.enter_context((folder / f"{n}.lock").open("a+")) for n in range(places)]
        while not (mine := next(filter(take, locks), None)):
            holders = ", ".join(sorted(filter(None, map(_holder, locks)))) or "other services"
            bound = f"this host releases {places} services at a time, now {holders}"
            if time.monotonic() >= deadline:
                raise ReleaseError(f"no turn within {seconds:g} s: {bound}. Try again later")
            if not is_shown:
                show(f"Wait for a turn: {bound}...")
                is_shown = True
            time.sleep(0.1)
        mine.truncate(0)
        mine.write(service)
        mine.flush()
        yield


def _holder(lock: TextIO) -> str:
    lock.seek(0)
    return lock.read().strip()
