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


def write_changed(path: Path, text: str, *, mode: int = 0o644, owner: int | None = None) -> bool:
    """Replace a file that has another text; return whether that was a change.

    Its folder is made. `owner` is the number of its user and group; the default is root, or the
    user of the process.
    """
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    is_other = not path.exists() or path.read_text() != text
    if is_other:
        write_atomically(path, text, mode=mode)
    if owner is not None:
        os.chown(path, owner, owner)  # also after a run that was killed before it
    return is_other


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
