"""The cache outside of the clone, for all clones: the engine, the Python environment."""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from common import progress

_LOCK_SECONDS = 3600  # longer than the slowest build on a slow machine


def folder() -> Path:
    """Return the cache: AUTH_CACHE_DIR, else auth-on-oci in the user's cache folder (XDG)."""
    chosen = os.environ.get("AUTH_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().resolve() / "auth-on-oci"


def made(path: Path, make: Callable[[Path], None]) -> Path:
    """Return the folder at `path`, made by `make` if it is not there yet.

    `make` gets an empty folder that becomes `path` when it is whole: a run that is killed leaves
    nothing that looks finished, and two at once don't disturb each other. A folder whose content
    must know its own path can't be made this way.
    """
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock(path):
        if path.exists():  # made by another run during the wait
            return path
        draft = path.with_name(f"{path.name}.part")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        make(draft)
        draft.rename(path)
    return path


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold the lock beside `path`; it ends with the process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as file:
        if not _taken(file.fileno()):
            with progress.step(f"Wait for another process that is making {path}"):
                deadline = time.monotonic() + _LOCK_SECONDS
                while not _taken(file.fileno()):
                    if time.monotonic() > deadline:
                        raise progress.StepError(
                            f"{file.name} is still held after {_LOCK_SECONDS} s. Find the process "
                            f"with `fuser {file.name}`, end it, then try again."
                        )
                    time.sleep(0.2)
        yield


def need_space(path: Path, gigabytes: int, what: str) -> None:
    """Raise StepError if there is too little space on the disk."""
    free = shutil.disk_usage(path).free / 1e9
    if free < gigabytes:
        raise progress.StepError(
            f"There are {free:.1f} GB free at {path}; {what} takes {gigabytes} GB. Free some, or "
            "set AUTH_CACHE_DIR to a folder on another disk."
        )


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
