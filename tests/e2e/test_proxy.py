"""The proxy's bounds and manners, tried on a service that misbehaves and with rude clients."""

import json
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.e2e import prober
from tests.e2e.images import push
from tests.localcloud.caller import eventually
from tests.testbed.clone import Clone
from tests.testbed.server import QUICK, TOOL, Server

IMAGE = """\
ARG IMAGE
FROM ${IMAGE}
COPY prober.py /srv/prober.py
ENTRYPOINT ["python3", "/srv/prober.py"]
"""
_CLOSED_SECONDS = 120  # generous: the proxy's own bounds are far below


@pytest.fixture(scope="module", name="server")
def _server(clone: Clone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server whose live release is the prober."""
    server = Server.of(clone)
    folder = tmp_path_factory.mktemp("prober")
    shutil.copy(Path(prober.__file__), folder / "prober.py")
    image = push(clone, folder, IMAGE)
    pristine = server.desired()
    assert server.apply({"NAME": "first"}, image=image, health=QUICK).status == 0
    yield server
    server.must(*TOOL, "apply", stdin=pristine)


def ask(url: str, path: str = "/readyz") -> dict[str, Any]:
    return dict(httpx.get(url + path, timeout=30).json())


@pytest.mark.usefixtures("server")
def test_a_request_that_is_hung_up_on_is_not_sent_again(url: str) -> None:
    assert httpx.get(f"{url}/hang-up", timeout=30).status_code == httpx.codes.BAD_GATEWAY
    assert ask(url)["hang-ups"] == 1


@pytest.mark.usefixtures("server")
def test_http_3_is_not_promised(url: str) -> None:
    assert "alt-svc" not in httpx.get(f"{url}/readyz", timeout=30).headers


@pytest.mark.usefixtures("server")
def test_the_head_of_an_event_stream_does_not_wait_for_its_first_event(url: str) -> None:
    headers = {"Accept-Encoding": "gzip"}
    # the first event comes after 5 s
    with httpx.stream("GET", f"{url}/stream", headers=headers, timeout=3) as answer:
        assert answer.headers["content-type"] == "text/event-stream"


@pytest.mark.usefixtures("server")
def test_a_body_beyond_the_limit_is_refused(url: str) -> None:
    answer = httpx.post(url, content=b" " * (2 << 20), timeout=30)

    assert answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE


@pytest.mark.usefixtures("server")
def test_heads_and_bodies_that_never_end_are_let_go_and_streams_are_not(url: str) -> None:
    target = urlsplit(url)
    half_head = b"GET / HTTP/1.1\r\nHost: auth.test\r\n"
    half_body = half_head.replace(b"GET", b"POST") + b"Content-Length: 1000000\r\n\r\n"
    large_head = half_head + b"X-Padding: " + b"x" * (256 << 10)
    with ExitStack() as stack:
        stream = stack.enter_context(httpx.stream("GET", f"{url}/stream", timeout=30))
        events = stream.iter_lines()
        assert next(events)
        dripped = [
            Dripped(stack, (str(target.hostname), target.port or 80), beginning, drop)
            for beginning, drop, count in (
                (half_head, b"A: b\r\n", 200),
                (half_body, b" ", 50),
                (large_head, b"x", 60),
            )
            for _ in range(count)
        ]
        deadline = time.monotonic() + _CLOSED_SECONDS
        while left := [each for each in dripped if not each.closed()]:
            assert time.monotonic() < deadline, f"{len(left)} connections are still held"
            time.sleep(1)
        # it began before them, and goes on
        assert next(events) is not None


class Dripped:
    """A connection on which something is sent now and then, that makes no request whole."""

    def __init__(
        self, stack: ExitStack, address: tuple[str, int], beginning: bytes, drop: bytes
    ) -> None:
        self._link = stack.enter_context(socket.create_connection(address, timeout=30))
        self._drop = drop
        self._closed = not self._send(beginning)
        self._link.setblocking(False)

    def closed(self) -> bool:
        """Send a drop; return whether the other side has ended the connection."""
        self._closed = self._closed or not self._send(self._drop) or self._ended()
        return self._closed

    def _send(self, data: bytes) -> bool:
        try:
            self._link.sendall(data)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True

    def _ended(self) -> bool:
        try:
            while self._link.recv(1 << 16):
                pass
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True


def test_a_canary_sees_the_clients_and_its_log_only_what_it_answers(
    server: Server, url: str
) -> None:
    addresses = ask(url)["headers"]["x-forwarded-for"]
    log = "/var/log/caddy/auth-trial.log"
    canary = {"percent": 50, "seconds": 8, "max_error_percent": 1}
    trial = server.start(
        *TOOL, "apply", stdin=server.desired({"NAME": "second"}, canary=canary, health=QUICK)
    )
    addresses_seen: dict[str, set[str]] = {"first": set(), "second": set()}

    def both() -> bool:
        answer = ask(url, "/readyz?token=secret-of-a-link")
        addresses_seen[answer["release"]].add(answer["headers"]["x-forwarded-for"])
        return all(addresses_seen.values())

    eventually("an answer of each release", both, wanted=True)
    eventually("a logged answer", lambda: '"status":200' in server.must("sudo", "cat", log), True)
    written = server.must("sudo", "cat", log)
    readers = server.must("sudo", "stat", "--format=%a:%U", log).strip()
    output, _ = trial.communicate(timeout=60)

    assert trial.returncode == 0, output
    assert addresses_seen == {"first": {addresses}, "second": {addresses}}
    fields = {name for line in written.splitlines() for name in json.loads(line)}
    assert fields <= {"level", "ts", "logger", "msg", "duration", "size", "status", "bytes_read"}
    assert readers == "600:caddy"
    server.containers_at_rest()
    assert server.must("sudo", "cat", log) == ""


def test_the_proxy_is_back_when_it_was_killed(server: Server, url: str) -> None:
    server.must("sudo", "systemctl", "kill", "--signal=KILL", "caddy")

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/readyz", timeout=5).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    eventually("the proxy", answers, wanted=True, seconds=30)


def test_the_proxys_own_log_names_no_address_that_was_asked_for(server: Server, url: str) -> None:
    httpx.get(f"{url}/hang-up?token=secret-of-a-mail", timeout=30)

    def journal() -> str:
        return server.must("sudo", "journalctl", "--unit=caddy", "--lines=50", "--no-pager")

    eventually("the error in the log", lambda: '"status":502' in journal(), wanted=True)
    assert "secret-of-a-mail" not in journal()
