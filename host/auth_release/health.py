"""Whether a container may serve, and whether one has served to the end."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from .desired import Health
from .errors import ReleaseError


def wait_until_healthy(
    health: Health,
    *,
    probe: Callable[[], str],
    alive: Callable[[], int | None],
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return once `probe` says "" for `stable_seconds` on end; raise ReleaseError otherwise.

    `probe` tells what is wrong, or "". `alive` gives the exit code of a container that ended.
    """
    deadline = now() + health.deadline_seconds
    healthy_since: float | None = None
    while True:
        code = alive()
        if code is not None:
            raise ReleaseError(f"the new container ended with exit code {code}")
        wrong = probe()
        if wrong:
            healthy_since = None
        elif healthy_since is None:
            healthy_since = now()
        if healthy_since is not None and now() - healthy_since >= health.stable_seconds:
            return
        if now() >= deadline:
            raise ReleaseError(
                f"{health.path} was not healthy for {health.stable_seconds:g} s within "
                f"{health.deadline_seconds:g} s; last answer: {wrong or 'healthy, but too short'}"
            )
        sleep(health.interval_seconds)


def probe(port: int, path: str) -> str:
    """Ask the container for its health: "" if it answers 200, else what it did."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return "" if answer.status == HTTPStatus.OK else f"HTTP {answer.status}"
    except urllib.error.HTTPError as error:
        with error:
            return f"HTTP {error.code}"
    except OSError as error:
        return str(getattr(error, "reason", error))


def wait_until_drained(port: int, seconds: float) -> int:
    """Return once no connection to the port is open, or after `seconds`; tell how many are left."""
    deadline = time.monotonic() + seconds
    while (left := open_connections(port)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def open_connections(port: int) -> int:
    """Count the TCP connections that a loopback port has accepted (proc(5), /proc/net/tcp)."""
    established, local = "01", f"0100007F:{port:04X}"
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(1 for row in rows if row[1] == local and row[3] == established)
