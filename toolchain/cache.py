"""What is made once and kept outside of the clone: the engine, the Python environment."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path


def folder() -> Path:
    """Give the cache: AUTH_CACHE_DIR, else auth-on-oci in the user's cache folder (XDG)."""
    chosen = os.environ.get("AUTH_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().resolve() / "auth-on-oci"


def made(path: Path, make: Callable[[Path], None]) -> Path:
    """Give the folder at `path`, made by `make` if it is not there yet.

    `make` gets an empty folder that becomes `path` when it is whole: a run that is killed leaves
    nothing that looks finished, and two at once don't disturb each other. A folder whose content
    must know its own path can't be made this way.
    """
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock(path):
        if path.exists():  # another run made it while this one waited
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
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
