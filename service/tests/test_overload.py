"""Load beyond the service's capacity, and a stop under load."""

import contextlib
import resource
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from applications import ISSUER, Browser
from running import Server
from users import User

_AT_ONCE = 60
_HASH_MB = 20  # memory for a password hash
_THREAD_MB = 8  # address space for the stack of a thread


def crowd(server: Server, seconds: float) -> list[httpx.Response]:
    """Log in from many threads, again and again, for some seconds."""
    answers: list[httpx.Response] = []
    end = time.monotonic() + seconds

    def log_in(number: int) -> None:
        credentials = {"email": f"{number}@example.test", "password": "correct horse"}
        with httpx.Client(base_url=server.url, timeout=30) as client:
            while time.monotonic() < end:
                answers.append(client.post("/v1/auth/login", json=credentials))

    threads = [threading.Thread(target=log_in, args=(number,)) for number in range(_AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return answers


def test_at_many_times_its_places_it_refuses_and_its_memory_stays(on_sqlite: Server) -> None:
    on_sqlite.settings = {"AUTH_HASHING_WORKERS": "1", "AUTH_HASHING_QUEUE": "1"}
    on_sqlite.start()
    before = on_sqlite.memory_mb("VmHWM")

    answers = crowd(on_sqlite, 3)

    refused = [answer for answer in answers if answer.status_code == 503]
    assert {answer.status_code for answer in answers} <= {401, 429, 503}
    assert refused
    assert {answer.headers["Retry-After"] for answer in refused} == {"1"}
    assert on_sqlite.memory_mb("VmHWM") < before + 2 * _HASH_MB + 30, (
        "memory grows with the number of callers"
    )
    assert httpx.get(f"{on_sqlite.url}/readyz", timeout=30).status_code == 200


@contextlib.contextmanager
def little_memory(server: Server) -> Iterator[None]:
    """Leave the process less memory than a hash or a thread needs."""
    assert server.process is not None
    pid = server.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_AS)
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + (_THREAD_MB << 20) // 2
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_AS, before)


def test_a_lack_of_memory_does_not_make_a_password_wrong(on_sqlite: Server) -> None:
    on_sqlite.settings = {"AUTH_LOCKOUT_AFTER": "3", "AUTH_ISSUER": ISSUER}
    on_sqlite.start()
    with httpx.Client(base_url=on_sqlite.url, timeout=30) as client:
        ada = User.signed_in(client)
        eve = User(client)
        ada.token_mailed("Confirm your e-mail address")  # a job that is over by then
        # here, and not in an image, the first page compiles the catalogs of the languages
        assert client.get("/sign-in").status_code == 200
        with Browser(on_sqlite.url) as browser, little_memory(on_sqlite):
            with ThreadPoolExecutor(6) as pool:
                logins = [
                    pool.submit(client.post, "/v1/auth/login", json=ada.credentials)
                    for _ in range(12)
                ]
            answers = [login.result() for login in logins]
            answers.append(client.post("/v1/auth/register", json=eve.credentials))
            answers.append(browser.sign_in(ada))

        assert [answer.status_code for answer in answers] == [503] * 14
        assert {answer.headers["Retry-After"] for answer in answers} == {"1"}
        assert ada.can_sign_in()
    assert "Traceback" not in on_sqlite.log


def test_a_request_that_is_still_being_sent_when_the_end_comes_is_answered(
    on_sqlite: Server,
) -> None:
    on_sqlite.start()
    body = b'{"email": "late@example.test", "password": "correct horse"}'
    head = (
        "POST /v1/auth/register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", on_sqlite.port), timeout=30) as raw:
        raw.sendall(head.encode() + body[:10])
        time.sleep(0.3)
        ending = threading.Thread(target=on_sqlite.stop)
        ending.start()
        time.sleep(2)
        raw.sendall(body[10:])
        answer = raw.recv(65536)
        ending.join(timeout=30)

    assert b" 201 " in answer.partition(b"\r\n")[0]
    on_sqlite.start()
    credentials = {"email": "late@example.test", "password": "correct horse"}
    assert httpx.post(f"{on_sqlite.url}/v1/auth/login", json=credentials).status_code == 200
