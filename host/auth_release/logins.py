"""The registry's login: it comes with each call, fetches an image, and never reaches a disk."""

import base64
import contextlib
import json
import os
import select
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from .desired import Desired, Registry
from .documents import read
from .errors import ReleaseError
from .files import wipe, write_atomically

MEMORY = Path("/run/auth-release")  # a reboot empties it, if a killed run could not
DISK = Path(tempfile.gettempdir())  # older versions of this tool had it here during a pull
_CALLER_SECONDS = 10


def of_caller(stdin: TextIO) -> Registry | None:
    """Read the caller's login, as JSON; return None for a terminal, or if no login comes."""
    if stdin.isatty():
        return None
    if not _sends(stdin, seconds=1):
        print(f"Wait up to {_CALLER_SECONDS} s for a login on stdin...", file=sys.stderr)
        if not _sends(stdin, seconds=_CALLER_SECONDS):
            return None
    try:
        text = stdin.read()
        return read(Registry, json.loads(text), strict=True) if text.strip() else None
    except (ReleaseError, ValueError, RecursionError) as error:
        reason = error if isinstance(error, ReleaseError) else "it is not JSON"
        raise ReleaseError(f"the registry's login on stdin can't be read: {reason}") from None


def _sends(stdin: TextIO, *, seconds: float) -> bool:
    return bool(select.select([stdin], [], [], seconds)[0])


def check(desired: Desired) -> None:
    """Raise ReleaseError if the caller's login can't fetch the image."""
    server = desired.image.partition("/")[0]
    login = desired.registry
    if not login.password:
        raise ReleaseError(
            f"{desired.image} is no longer on this host, and no login came to fetch it with: "
            "`make rollback` sends auth:registryPullPassword"
        )
    if login.server != server:
        raise ReleaseError(
            f"{desired.image} is no longer on this host, and the login that came is for "
            f"{login.server}: put auth:imageRepository back to {server}, or roll forward"
        )


@contextlib.contextmanager
def for_docker(service: str, login: Registry) -> Iterator[Path]:
    """Yield a folder for DOCKER_CONFIG, in memory, with the login; remove it at the end."""
    folder = MEMORY / service
    forget(service)
    folder.mkdir(mode=0o700, parents=True)
    try:
        words = f"{login.username}:{login.password}"
        entry = {"auth": base64.b64encode(words.encode()).decode()}
        config = json.dumps({"auths": {login.server: entry}})
        write_atomically(folder / "config.json", config, mode=0o600)
        yield folder
    finally:
        forget(service)


def forget(service: str) -> None:
    """Remove a killed run's login from memory."""
    shutil.rmtree(MEMORY / service, ignore_errors=True)


def without_password(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a record's document without the password; older versions of this tool stored it."""
    desired = record.get("desired")
    login = desired.get("registry") if isinstance(desired, Mapping) else None
    if not isinstance(desired, Mapping) or not isinstance(login, Mapping) or not login:
        return record
    return {**record, "desired": {**desired, "registry": {**login, "password": ""}}}


def scrub(records: Path) -> None:
    """Overwrite the passwords that older versions of this tool left on the disk.

    The caller holds the release lock, so nobody else writes there.
    """
    for path in records.glob("release-*.json"):
        with contextlib.suppress(OSError, ValueError, RecursionError):
            record = json.loads(path.read_text())
            clean = without_password(record) if isinstance(record, Mapping) else record
            if clean != record:
                with path.open("r+b") as old:
                    write_atomically(path, json.dumps(clean), mode=0o600)
                    wipe(old)
    for draft in records.glob(".release-*.new"):
        _wipe_and_remove(draft)
    for folder in DISK.glob("auth-release-*"):
        status = folder.lstat()
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
            _wipe_and_remove(folder / "config.json")
            shutil.rmtree(folder, ignore_errors=True)


def _wipe_and_remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        with path.open("r+b") as file:
            wipe(file)
        path.unlink()
