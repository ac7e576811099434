"""The Authentication Service as a process, with its memory."""

import contextlib
import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import httpx
from running import Server, make_key
from users import User

ROOT = Path(__file__).parents[1]
WORKERS, QUEUE = 2, 32
_ENVIRONMENT = {
    "AUTH_RATE_LIMITS": "off",
    "AUTH_HASHING_WORKERS": str(WORKERS),
    "AUTH_HASHING_QUEUE": str(QUEUE),
}
_POLL_SECONDS = 0.005


@contextlib.contextmanager
def service(folder: Path) -> Iterator[Server]:
    folder.mkdir(exist_ok=True)
    server = Server(data=folder, key=make_key(), settings=_ENVIRONMENT)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def hello(app: str, port: int) -> Iterator[str]:
    """Run a minimal app on the same HTTP server; yield the URL of its route."""
    process = subprocess.Popen([sys.executable, "-m", "bench.hello", app, str(port)], cwd=ROOT)
    try:
        wait(port, "/hello")
        yield f"http://127.0.0.1:{port}/hello"
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait(port: int, path: str, seconds: float = 20) -> None:
    """Return once a request for the path is answered with 200."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == http.client.OK:
                return
        except OSError:
            time.sleep(_POLL_SECONDS)
        finally:
            connection.close()
    raise SystemExit(f"port {port} did not answer {path} within {seconds:.0f} s")


def account(url: str) -> User:
    """Register an account at a service, and log in."""
    with httpx.Client(base_url=url, timeout=30) as client:
        return User.signed_in(client)


class Memory:
    """The resident memory of a process in MB, sampled while this is open; `peak` is the maximum."""

    def __init__(self, server: Server) -> None:
        assert server.process is not None  # noqa: S101 - it was started
        self._pid = server.process.pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.peak = 0.0

    def now(self) -> float:
        pages = int(Path(f"/proc/{self._pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self.peak = max(self.peak, self.now())


def printed(module: str, *words: str, stdin: str = "") -> str:
    """Run a module of the repository as a process; return its stdout."""
    command: Sequence[str] = [sys.executable, "-m", module, *words]
    done = subprocess.run(
        command, cwd=ROOT, input=stdin, capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode != 0:
        raise SystemExit(f"`python -m {module}` failed:\n{done.stdout}{done.stderr}")
    return done.stdout
