"""A steady load on a service: quick requests, slow requests, and connections that stay open."""

import contextlib
import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

PER_SECOND = 50
KEPT_OPEN = 10
SLOW_SECONDS = 5
_TIMEOUT = 30
# between a connection and its request, as of a client on the internet
_ROUND_TRIP_SECONDS = 0.05

FINISHED: list["Load"] = []  # of the test that runs; its figures are shown whether it fails or not


@dataclass(frozen=True)
class Failure:
    kind: str
    at: float  # seconds after the load began
    what: str


class Load:
    """Sends requests at a steady rate while it is open, through the public address.

    By HTTPS, each certificate must be signed by a CA in `trusted`.

    50 a second on a connection each, 10 connections that stay open with 5 requests a second each,
    and two requests a second whose body takes 5 s to send. The first two kinds must be answered by
    200 with a body. The slow requests are invalid and must be answered by 4xx.

    Bounded: it stops by itself after `seconds`.
    """

    def __init__(
        self,
        url: str,
        *,
        path: str = "/healthz",
        seconds: float = 300,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        self._trusted = trusted or ssl.create_default_context()
        self.sent = 0
        self.failures: list[Failure] = []
        self.worst = 0.0  # seconds, of a quick request or a request on an open connection
        target = urlsplit(url)
        self._host, self._is_tls = str(target.hostname), target.scheme == "https"
        self._port = target.port or (443 if self._is_tls else 80)
        self._path = path
        self.began = time.monotonic()
        self._seconds = 0.0  # that it ran, once it is over
        self._end = self.began + seconds
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            *(self._thread(self._quick, 5 / PER_SECOND) for _ in range(5)),
            *(self._thread(self._kept_open, 1 / 5) for _ in range(KEPT_OPEN)),
            *(self._thread(self._slow, 1) for _ in range(2 * SLOW_SECONDS)),
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=2 * _TIMEOUT)
        self._seconds = time.monotonic() - self.began
        FINISHED.append(self)

    def __str__(self) -> str:
        return (
            f"{self.sent} requests in {self._seconds:.0f} s, {len(self.failures)} failed, "
            f"worst latency {self.worst:.3f} s"
        )

    def _thread(self, work: Callable[[], None], pause: float) -> threading.Thread:
        return threading.Thread(target=self._repeat, args=(work, pause), daemon=True)

    def _repeat(self, work: Callable[[], None], pause: float) -> None:
        while not self._stop.wait(pause) and time.monotonic() < self._end:
            work()

    def _quick(self) -> None:
        request = f"GET {self._path} HTTP/1.1\r\nHost: {self._host}\r\nConnection: close\r\n\r\n"
        self._count("quick", lambda: self._exchange([request.encode()], "200"))

    def _kept_open(self) -> None:
        """Send requests on a connection until the service closes it."""
        link = (
            http.client.HTTPSConnection(
                self._host, self._port, timeout=_TIMEOUT, context=self._trusted
            )
            if self._is_tls
            else http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT)
        )

        def ask() -> str | None:
            try:
                link.request("GET", self._path)
                with link.getresponse() as answer:
                    is_good = answer.read() and answer.status == HTTPStatus.OK
                    return None if is_good else f"HTTP {answer.status}"
            except (OSError, http.client.HTTPException):
                link.close()  # the next request opens another connection
                raise

        with contextlib.closing(link):
            self._repeat(lambda: self._count("on an open connection", ask), 1 / 5)

    def _slow(self) -> None:
        self._count("slow", self._send_slowly, timed=False)

    def _send_slowly(self) -> str | None:
        """Send a request whose body takes 5 s; return the fault of its answer, or None."""
        body = b" " * 50 + b"{}"
        head = (
            f"POST /v1/auth/login HTTP/1.1\r\nHost: {self._host}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        pieces = [head.encode(), *(bytes([byte]) for byte in body)]
        return self._exchange(pieces, "4", pause=SLOW_SECONDS / len(body))

    def _exchange(self, pieces: list[bytes], status: str, pause: float = 0) -> str | None:
        """Send a request in pieces on its own connection; return the fault of its answer, or None.

        A whole HTTP client takes more of the processor than the service does.
        """
        with self._connected() as link:
            time.sleep(_ROUND_TRIP_SECONDS)
            for piece in pieces:
                link.sendall(piece)
                time.sleep(pause)
            with link.makefile("rb") as stream:
                answer = stream.read()
        head, _, content = answer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if not head.startswith(f"HTTP/1.1 {status}".encode()):
            return f"answered {head[:40]!r}"
        if not content or (length and len(content) != int(length[1])):
            return f"{len(content)} bytes of {length and int(length[1])}"
        return None

    @contextlib.contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        with socket.create_connection((self._host, self._port), _TIMEOUT) as link:
            if not self._is_tls:
                yield link
                return
            with self._trusted.wrap_socket(link, server_hostname=self._host) as encrypted:
                yield encrypted

    def _count(self, kind: str, request: Callable[[], str | None], *, timed: bool = True) -> None:
        """Count a request; it returns the fault of its answer, or None."""
        started = time.monotonic()
        try:
            failure = request()
        except (OSError, http.client.HTTPException) as error:
            failure = repr(error)
        ended = time.monotonic()
        with self._lock:
            self.sent += 1
            if timed:
                self.worst = max(self.worst, ended - started)
            if failure:
                self.failures.append(Failure(kind, round(ended - self.began, 2), failure))
