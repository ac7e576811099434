"""Files that survive a crash and parallel writers."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import ReleaseError


def write_atomically(path: Path, text: str, *, mode: int) -> None:
    """Replace a file as a whole: after a crash the disk has the old or the new file."""
    temporary = path.with_name(f".{path.name}.new")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise ReleaseError(
            f"{path} can't be written: {error.strerror}. See the disk's free space: df -h "
            f"{path.parent}"
        ) from None
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def wipe(file: BinaryIO) -> None:
    """Overwrite an open file's bytes in place: the bytes of a deleted file stay on the disk."""
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    file.write(bytes(size))
    file.flush()
    os.fsync(file.fileno())


@contextlib.contextmanager
def exclusive(lock: Path) -> Iterator[None]:
    """Let a single process in at a time: services are released side by side."""
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
