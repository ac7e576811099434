"""Pulumi's own downloads: whether they can be had from here, asked seldom where they can't."""

import time
import urllib.request

from common import cache

SERVER = "https://github.com/pulumi/"
_REMEMBERED_SECONDS = 3600


def reachable(seconds: float = 5) -> bool:
    """Check whether the server of engine and plugins answers within some seconds.

    A failure is remembered for an hour: behind a firewall that drops packets, each `make up` would
    otherwise wait again.
    """
    if failed_lately("server"):
        return False
    request = urllib.request.Request(SERVER, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=seconds):  # noqa: S310 - constant https URL
            return True
    except OSError:
        remember_failure("server")
        return False


def failed_lately(what: str) -> bool:
    """Check whether the download of `what` failed within the last hour."""
    stamp = cache.folder() / "unreachable" / what
    try:
        age = time.time() - stamp.stat().st_mtime
    except FileNotFoundError:
        return False
    return 0 <= age < _REMEMBERED_SECONDS


def remember_failure(what: str) -> None:
    stamp = cache.folder() / "unreachable" / what
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.touch()


def forget_failures() -> None:
    """Ask again from now on."""
    for stamp in (cache.folder() / "unreachable").glob("*"):
        stamp.unlink(missing_ok=True)
