"""Bounds of requests in size and time, and the headers of answers."""

import asyncio
import socket
import time

import httpx
import pytest
from auth.http.connections import Gathering
from auth.settings import Settings, SettingsError
from callers import LIMITED, ORIGIN, client, log_in, register
from running import ISSUER, Server

# Rate limits: each test has its own client, and so its own count.
SERVER_SETTINGS = LIMITED


@pytest.mark.parametrize("password", ["password1", "trustno1", "picky@example.test"])
def test_a_password_that_would_be_guessed_is_refused_with_the_reason(
    server: Server, password: str
) -> None:
    with client(server, f"203.0.113.{len(password)}9") as asking:
        answer = register(asking, "picky@example.test", password)

    assert answer.status_code == 422
    assert answer.json()["code"] == "password_refused"
    assert answer.json()["detail"]
    assert password not in answer.text


def test_every_answer_is_safe_to_show_in_a_browser(server: Server) -> None:
    for path in ("/healthz", "/nowhere", "/v1/me", "/openapi.json"):
        headers = httpx.get(server.url + path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"], path
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Strict-Transport-Security"].startswith("max-age=")
        assert "Server" not in headers


def test_the_page_of_the_description_runs_our_own_scripts_alone(server: Server) -> None:
    policy = httpx.get(f"{server.url}/docs").headers["Content-Security-Policy"]

    rules = [rule.strip() for rule in policy.split(";")]
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(rules)
    assert "unsafe" not in policy


def test_an_issuer_without_https_asks_no_browser_for_https(own_server: Server) -> None:
    own_server.settings = {"AUTH_ISSUER": "http://127.0.0.2"}
    own_server.start()

    assert "Strict-Transport-Security" not in httpx.get(f"{own_server.url}/healthz").headers


def test_tokens_are_kept_in_no_cache(server: Server) -> None:
    with client(server, "203.0.113.6") as asking:
        register(asking, "cache@example.test")

        assert log_in(asking, "cache@example.test").headers["Cache-Control"] == "no-store"


def preflight(server: Server, origin: str) -> httpx.Response:
    return httpx.options(
        f"{server.url}/v1/auth/login",
        headers={"Origin": origin, "Access-Control-Request-Method": "POST"},
    )


def test_an_origin_that_is_configured_may_call_from_a_browser(server: Server) -> None:
    answer = preflight(server, ORIGIN)

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", f"{ORIGIN}.evil.example", "http://app.example.org"]
)
def test_any_other_origin_may_not(server: Server, origin: str) -> None:
    asked = httpx.get(f"{server.url}/healthz", headers={"Origin": origin})

    assert "Access-Control-Allow-Origin" not in preflight(server, origin).headers
    assert "Access-Control-Allow-Origin" not in asked.headers


def dribble(server: Server, chunks: list[bytes], pause: float) -> bytes:
    """Send chunks with pauses until the server has enough; return its whole answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as raw:
        for chunk in chunks:
            try:
                raw.sendall(chunk)
            except OSError:
                break
            time.sleep(pause)
        answer = b""
        while received := raw.recv(65536):
            answer += received
    return answer


_HEAD = (
    b"POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 100\r\n\r\n"
)


def test_a_body_that_takes_five_seconds_is_waited_for(server: Server) -> None:
    answer = dribble(server, [_HEAD, *[b"x" * 10] * 10], 0.5)

    assert b" 422 " in answer.partition(b"\r\n")[0]


def test_a_body_that_never_ends_is_given_up(server: Server) -> None:
    began = time.monotonic()

    answer = dribble(server, [_HEAD, *[b"x"] * 8], 1)

    assert b" 408 " in answer.partition(b"\r\n")[0]
    assert b'"timeout"' in answer
    assert time.monotonic() - began < 15


def test_a_head_that_never_ends_is_given_up(server: Server) -> None:
    began = time.monotonic()

    answer = dribble(server, [b"GET / HTTP/1.1\r\n", b"X-A: b\r\n"], 0.1)

    assert b" 408 " in answer.partition(b"\r\n")[0]
    assert 8 < time.monotonic() - began < 15


def test_a_head_without_bound_is_refused(server: Server) -> None:
    answer = dribble(
        server, [b"GET / HTTP/1.1\r\n", *[b"X-A: " + b"b" * 8000 + b"\r\n"] * 10], 0.02
    )

    assert b" 431 " in answer.partition(b"\r\n")[0]


def test_bytes_other_than_http_are_refused_in_the_error_format(server: Server) -> None:
    answer = dribble(server, [b"\x16\x03\x01 this is TLS, or something\r\n\r\n"], 0)

    assert b" 400 " in answer.partition(b"\r\n")[0]
    assert b"application/problem+json" in answer


def test_an_answer_leaves_in_one_piece_and_before_the_connection_ends() -> None:
    sent: list[bytes | str] = []

    class Transport(asyncio.Transport):
        def is_closing(self) -> bool:
            return "closed" in sent

        def write(self, data: bytes | bytearray | memoryview) -> None:
            sent.append(bytes(data))

        def close(self) -> None:
            sent.append("closed")

    async def answer() -> None:
        transport = Gathering(Transport(), asyncio.get_running_loop())
        transport.write(b"head ")
        transport.write(b"body")
        await asyncio.sleep(0)
        transport.write(b"last")
        transport.close()
        transport.write(b"to nobody")
        await asyncio.sleep(0)

    asyncio.run(answer())

    assert sent == [b"head body", b"last", "closed"]


def test_half_a_request_does_nothing(own_server: Server) -> None:
    own_server.start()
    body = b'{"email": "half@example.test", "password": "correct horse"}'
    head = (
        b"POST /v1/auth/register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Content-Length: 99\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", own_server.port)) as raw:
        raw.sendall(head + body)
        raw.shutdown(socket.SHUT_WR)
        time.sleep(0.3)
    own_server.stop()

    assert "account.registered" not in own_server.log
    assert "Traceback" not in own_server.log


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AUTH_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("AUTH_METRICS_FROM", "everywhere"),
        ("AUTH_CORS_ORIGINS", "*"),
        ("AUTH_CORS_ORIGINS", "https://app.example.org/"),
        ("AUTH_RATE_LIMITS", "login=many"),
        ("AUTH_LOCKOUT_AFTER", "0"),
        ("AUTH_BODY_SECONDS", "2"),
        ("AUTH_OTLP_ENDPOINT", "http://user:secret@collector"),
    ],
)
def test_an_invalid_protection_keeps_the_service_from_starting(
    key: str, name: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment({"AUTH_SIGNING_KEY": key, "AUTH_ISSUER": ISSUER, name: value})
