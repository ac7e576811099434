import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from host.auth_release import health
from host.auth_release.desired import Health
from host.auth_release.errors import ReleaseError
from host.auth_release.health import wait_until_healthy
from host.auth_release.listening import open_connections


@pytest.mark.parametrize(
    ("last", "ending"),
    [
        ("none (Connection reset by peer)", "reset by peer). The likely cause: it is lonely"),
        ("HTTP 503", "last answer: HTTP 503"),
        ("no answer within 5 s", "last answer: no answer within 5 s"),
    ],
)
def test_a_likely_cause_is_named_only_if_nothing_was_reached(last: str, ending: str) -> None:
    clock = Clock()
    with pytest.raises(ReleaseError) as caught:
        wait_until_healthy(
            Health(deadline_seconds=1),
            probe=lambda: last,
            exit_code=lambda: None,
            likely_cause=lambda: "it is lonely",
            now=clock,
            sleep=clock.sleep,
        )
    assert str(caught.value).endswith(ending)


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def wait(
    answers: Callable[[float], str | None], *, stable: float = 1, deadline: float = 10
) -> float:
    clock = Clock()
    wait_until_healthy(
        Health(path="/readyz", deadline_seconds=deadline, stable_seconds=stable),
        probe=lambda: answers(clock.time),
        exit_code=lambda: None,
        now=clock,
        sleep=clock.sleep,
    )
    return clock.time


def test_health_must_last_before_it_counts() -> None:
    flickering = wait(lambda now: None if now < 0.5 or now > 3 else "HTTP 503")

    assert flickering == pytest.approx(4.2, abs=0.3)


def test_a_container_that_never_gets_healthy_is_given_up_with_its_last_answer() -> None:
    with pytest.raises(ReleaseError, match=r"within 10 s; last answer: HTTP 503"):
        wait(lambda _: "HTTP 503")


@contextmanager
def container(answer: bytes, *, drip: bool = False) -> Iterator[int]:
    """Answer each connection with fixed bytes, byte by byte if they `drip`; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    connection.recv(65536)
                    for piece in [bytes([byte]) for byte in answer] if drip else [answer]:
                        connection.sendall(piece)
                        if drip:
                            time.sleep(0.02)
                    # an end before the whole request is read would reset the connection
                    connection.shutdown(socket.SHUT_WR)
                    connection.settimeout(5)
                    while connection.recv(65536):
                        pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)


def answer(status: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", "body"]).encode()


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "299 Own"])
def test_any_success_is_healthy(status: str) -> None:
    with container(answer(status)) as port:
        assert health.probe("127.0.0.1", port, "/readyz") is None


def test_a_redirect_to_a_healthy_service_is_not_healthy() -> None:
    with container(answer("200 OK")) as other:
        location = f"http://127.0.0.1:{other}/"
        with container(answer("302 Found", f"Location: {location}")) as port:
            assert (
                health.probe("127.0.0.1", port, "/readyz") == f"HTTP 302, a redirect to {location}"
            )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "none (Remote end closed connection without response)"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "no HTTP answer (BadStatusLine: SSH-2.0"),
        (b"\0\xff\x1b[2J" * 99, "no HTTP answer (BadStatusLine: "),
        (answer("200 OK", *(f"X-{n}: 1" for n in range(101))), "no HTTP answer (HTTPException: "),
        (answer("99 Low"), "no HTTP answer (BadStatusLine: "),
        (answer("503 Unavailable"), "HTTP 503"),
    ],
)
def test_an_answer_without_success_is_unhealthy_with_the_reason(text: bytes, reason: str) -> None:
    with container(text) as port:
        assert str(health.probe("127.0.0.1", port, "/readyz")).startswith(reason)


def test_an_answer_that_drips_is_unhealthy_after_a_deadline_for_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "_ANSWER_SECONDS", 0.2)
    with container(answer("200 OK", "X: " + "x" * 1000), drip=True) as port:
        assert health.probe("127.0.0.1", port, "/readyz") == "no answer within 0.2 s"


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with container(answer("502 Bad Gateway")) as proxy, container(answer("200 OK")) as port:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy}")
        assert health.probe("127.0.0.1", port, "/readyz") is None


def test_nobody_there_is_unhealthy_with_the_reason() -> None:
    with container(b"") as port:
        pass
    assert health.probe("127.0.0.1", port, "/readyz") == "none (Connection refused)"


@pytest.mark.parametrize(("family", "host"), [("AF_INET", "127.0.0.1"), ("AF_INET6", "::1")])
def test_connections_that_a_port_accepted_are_counted_while_they_are_open(
    family: str, host: str
) -> None:
    with socket.socket(getattr(socket, family)) as service:
        service.bind((host, 0))
        service.listen()
        port = service.getsockname()[1]
        assert open_connections("self", port) == 0
        with socket.create_connection((host, port)), service.accept()[0]:
            assert open_connections("self", port) == 1


def test_a_container_that_ended_has_no_connections() -> None:
    assert open_connections(0, 80) == 0
