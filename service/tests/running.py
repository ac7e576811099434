"""A real server, in its own process and with its own data folder."""

import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import HTTPServer
from pathlib import Path

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Connection, create_engine, func, make_url, select, text
from sqlalchemy import table as sql_table

SERVICE = Path(__file__).parents[1]
ISSUER = "https://auth.example.test"
# For clients of tests: their servers speak plain HTTP, and to read the CAs of the machine takes a
# client longer than a sign-in takes the service.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_START_SECONDS = 60
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


def make_key() -> str:
    """Make a new signing key for each run, so that the repository holds no key."""
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


def free_port() -> int:
    """Return a port of the loopback address on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def modules_with(module: str) -> list[str]:
    """List the modules of a new process that has imported `module` of the service."""
    loaded = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; print(*sys.modules, sep='\\n')"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SERVICE)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return loaded.stdout.splitlines()


@contextlib.contextmanager
def answering(server: HTTPServer) -> Iterator[None]:
    """Let a small server of a test answer, in a thread of its own, until the block ends."""
    with server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join(timeout=10)


@dataclass
class Server:
    """A process of the service; `log` is its output so far."""

    data: Path
    key: str
    # The default is SQLite, in `data`.
    database: str = ""
    # `{port}` in a value is replaced.
    settings: Mapping[str, str] = field(default_factory=dict)
    # Whether the issuer is the server's real URL, which client libraries check.
    issues_as_itself: bool = False
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.data / "log").read_text()

    @property
    def environment(self) -> dict[str, str]:
        database = {"AUTH_DATABASE_URL": self.database} if self.database else {}
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(SERVICE),
            "AUTH_SIGNING_KEY_FILE": str(self.data / "key.pem"),
            "AUTH_ISSUER": self.url if self.issues_as_itself else ISSUER,
            "AUTH_DATA_DIR": str(self.data),
            "AUTH_PORT": str(self.port or 8000),
            # The tests read mail from the mailbox.
            "AUTH_ENVIRONMENT": "development",
            # A test makes as many requests in a second as a user in an hour; some tests set limits.
            "AUTH_RATE_LIMITS": "off",
            "AUTH_DRAIN_SECONDS": "0",
            **database,
            **{
                name: text.replace("{port}", str(self.port)) for name, text in self.settings.items()
            },
        }

    def command(self, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command beside the service, as an operator does.

        A lone surrogate in `stdin` stands for a byte that is not valid UTF-8 (PEP 383).
        """
        (self.data / "key.pem").write_text(self.key)
        return subprocess.run(
            [sys.executable, "-m", "auth", *argv],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=60,
            check=False,
        )

    def execute(self, *statements: str) -> None:
        """Change the database without the service's knowledge."""
        with self.changing(*statements):
            pass

    def count(self, table: str) -> int:
        """Count the rows of a table."""
        with self.connected() as connection:
            rows = connection.execute(select(func.count()).select_from(sql_table(table)))
            return int(rows.scalar_one())

    @contextlib.contextmanager
    def changing(self, *statements: str) -> Iterator[None]:
        """Change the database without the service's knowledge, at the end of the block."""
        with self.connected() as connection:
            for statement in statements:
                connection.execute(text(statement))
            yield

    @contextlib.contextmanager
    def connected(self) -> Iterator[Connection]:
        """Yield a connection to the database, in a transaction."""
        url = self.database or f"sqlite:///{self.data}/auth.sqlite"
        engine = create_engine(make_url(url).set(drivername=_DRIVERS[url.partition(":")[0]]))
        with engine.begin() as connection:
            yield connection
        engine.dispose()

    def memory_mb(self, figure: str) -> float:
        """Return a figure of the process's memory: `VmRSS` is resident, `VmHWM` its peak."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        match = re.search(rf"^{figure}:\s+(\d+) kB", status, re.MULTILINE)
        assert match is not None
        return int(match[1]) * 1.024 / 1000

    def start(self) -> None:
        self.port = free_port()
        key = self.data / "key.pem"
        key.write_text(self.key)
        with (self.data / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "auth"],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        deadline, last_error = time.monotonic() + _START_SECONDS, ""
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                answer = httpx.get(f"{self.url}/readyz", timeout=5, verify=NO_TLS)
                if answer.status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError as error:
                last_error = repr(error)
            time.sleep(0.05)
        raise AssertionError(f"the service did not get ready: {last_error}\n{self.log}")

    def stop(self) -> int:
        """Stop the process with SIGTERM, as Docker does, and return its exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=30)
        finally:
            self.process.kill()
            self.process = None
