"""The health of a container before the switch, and its open connections after it."""

import http.client
import io
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .desired import Health
from .errors import ReleaseError

if TYPE_CHECKING:
    from .records import Record

_ANSWER_SECONDS = 5
_LATE = "no answer within"
_STREAK = 3  # successes in a row: one may be chance
_SHORTEST_PAUSE = 0.05  # seconds between two probes
_HEAD_BYTES = 64 << 10
_NO_ANSWER = "none"
_REDIRECTS = range(300, 400)


def wait_until_healthy(
    health: Health,
    *,
    probe: Callable[[], str | None],
    exit_code: Callable[[], int | None],
    likely_cause: Callable[[], str | None] = lambda: None,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return once the container is healthy for `stable_seconds` on end; else raise ReleaseError.

    A container that is healthy has answered three probes in a row at least.
    `probe` returns None or a problem, and `exit_code` that of a container that ended.
    `likely_cause` explains at the end why nothing answered.
    """
    deadline = now() + health.deadline_seconds
    successes, healthy_since = 0, 0.0
    while True:
        code = exit_code()
        if code is not None:
            raise ReleaseError(f"the new container ended with exit code {code}")
        problem = probe()
        successes = 0 if problem else successes + 1
        if successes == 1:
            healthy_since = now()
        if successes >= _STREAK and now() - healthy_since >= health.stable_seconds:
            return
        if now() >= deadline:
            cause = likely_cause() if problem and problem.startswith(_NO_ANSWER) else None
            raise ReleaseError(
                f"{health.path} was not healthy for {health.stable_seconds:g} s within "
                f"{health.deadline_seconds:g} s; last answer: {problem or 'healthy, but too short'}"
                f"{f'. The likely cause: {cause}' if cause else ''}"
            )
        sleep(max(health.interval_seconds, _SHORTEST_PAUSE))


def probe(address: str, port: int, path: str) -> str | None:
    """Ask the container for its health: return None for an answer of 2xx, else the problem.

    The question goes to the container itself, past any proxy of the environment. A redirect is not
    followed: its target may be another service.
    """
    try:
        answer = _head(address, port, path)
    except TimeoutError:
        return f"{_LATE} {_ANSWER_SECONDS} s"
    except OSError as error:
        return f"{_NO_ANSWER} ({error.strerror or error})"
    except (http.client.HTTPException, ValueError) as error:
        return f"no HTTP answer ({type(error).__name__}: {error})"
    if answer.status // 100 == 2:  # noqa: PLR2004 - the class of success, RFC 9110 section 15
        return None
    if answer.status in _REDIRECTS:
        return f"HTTP {answer.status}, a redirect to {answer.getheader('Location')}"
    return f"HTTP {answer.status}"


def of_release(record: "Record") -> str | None:
    """Ask the container of a release for its health, as `probe` does."""
    return probe(*record.endpoint, record.desired.health.path)


def is_answer(problem: str) -> bool:
    """Whether the problem of a probe is an answer by HTTP: the process lives."""
    return problem.startswith("HTTP ")


def is_late(problem: str) -> bool:
    """Whether the problem of a probe is that its time was over: the process may hang."""
    return problem.startswith(_LATE)


def _head(address: str, port: int, path: str) -> http.client.HTTPResponse:
    """Read the head of the answer, with a deadline for the whole of it."""
    deadline = time.monotonic() + _ANSWER_SECONDS
    head = bytearray()
    with socket.create_connection((address, port), timeout=_ANSWER_SECONDS) as connection:
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {address}:{port}\r\nAccept: */*\r\n"
            "User-Agent: auth-release\r\nConnection: close\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in head and len(head) < _HEAD_BYTES:
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
            piece = connection.recv(_HEAD_BYTES)
            if not piece:
                break
            head += piece
    answer = http.client.HTTPResponse(_Received(bytes(head)))  # type: ignore[arg-type]
    answer.begin()
    return answer


class _Received:
    """Received bytes, as http.client reads them from a socket."""

    def __init__(self, received: bytes) -> None:
        self._received = received

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._received)


def wait_until_drained(count: Callable[[], int], seconds: float) -> int:
    """Wait until `count` is 0, for `seconds` at most; return the number of open connections."""
    deadline = time.monotonic() + seconds
    while (open_connections := count()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return open_connections
