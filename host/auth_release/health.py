"""Whether a container may serve, and whether one has served to the end."""

import http.client
import io
import socket
import time
from collections.abc import Callable

from .desired import Health
from .errors import ReleaseError

_ANSWER_SECONDS = 5
_HEAD_BYTES = 64 << 10
_NONE = "none"
_REDIRECTS = range(300, 400)


def wait_until_healthy(
    health: Health,
    *,
    probe: Callable[[], str],
    alive: Callable[[], int | None],
    why_unreachable: Callable[[], str] = str,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return once `probe` says "" for `stable_seconds` on end; raise ReleaseError otherwise.

    `probe` tells what is wrong, or "". `alive` gives the exit code of a container that ended.
    `why_unreachable` is asked in the end if nothing answered there.
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
            cause = why_unreachable() if wrong.startswith(_NONE) else ""
            raise ReleaseError(
                f"{health.path} was not healthy for {health.stable_seconds:g} s within "
                f"{health.deadline_seconds:g} s; last answer: {wrong or 'healthy, but too short'}"
                f"{cause and f'. The likely cause: {cause}'}"
            )
        sleep(health.interval_seconds)


def probe(address: str, port: int, path: str) -> str:
    """Ask the container for its health: "" if it answers 2xx, else what is wrong.

    It is asked itself, past any proxy of the environment. A redirect is not followed: where it
    leads, another service may be healthy.
    """
    try:
        answer = _head(address, port, path)
    except TimeoutError:
        return f"no answer within {_ANSWER_SECONDS} s"
    except OSError as error:
        return f"{_NONE} ({error.strerror or error})"
    except (http.client.HTTPException, ValueError) as error:
        return f"no HTTP answer ({type(error).__name__}: {error})"
    if answer.status // 100 == 2:  # noqa: PLR2004 - the class of success, RFC 9110 section 15
        return ""
    led = f", a redirect to {answer.getheader('Location')}" if answer.status in _REDIRECTS else ""
    return f"HTTP {answer.status}{led}"


def _head(address: str, port: int, path: str) -> http.client.HTTPResponse:
    """Read the head of the answer, in one time for the whole, however slowly it drips."""
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
    """What was received, as http.client reads it from a socket."""

    def __init__(self, received: bytes) -> None:
        self._received = received

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._received)


def wait_until_drained(count: Callable[[], int], seconds: float) -> int:
    """Return once `count` finds no open connection, or after `seconds`; say how many are left."""
    deadline = time.monotonic() + seconds
    while (left := count()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left
