"""A real server, in a process of its own, on a data folder of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import create_engine, make_url, text

SERVICE = Path(__file__).parents[1]
ISSUER = "https://auth.example.test"
_START_SECONDS = 60
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}


def make_key() -> str:
    """Make a signing key, anew for each run: no key is kept in the repository."""
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


@dataclass
class Server:
    """A process of the service; `log` is its whole output."""

    data: Path
    key: str
    # the default is SQLite, in `data`
    database: str = ""
    # `{port}` in a value is replaced
    settings: Mapping[str, str] = field(default_factory=dict)
    # whether the issuer is the server's real address, as client libraries want
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
            # for the mailbox
            "AUTH_ENVIRONMENT": "development",
            # tests do in a second as much as people in an hour; some tests turn them on again
            "AUTH_RATE_LIMITS": "off",
            "AUTH_DRAIN_SECONDS": "0",
            **database,
            **{
                name: text.replace("{port}", str(self.port)) for name, text in self.settings.items()
            },
        }

    def command(self, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command beside the service, as operators do.

        A lone surrogate in `stdin` stands for a byte that is no UTF-8 (PEP 383).
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
        """Change the database behind the service's back."""
        with self.changing(*statements):
            pass

    @contextlib.contextmanager
    def changing(self, *statements: str) -> Iterator[None]:
        """Change the database behind the service's back, at the end of the block."""
        url = self.database or f"sqlite:///{self.data}/auth.sqlite"
        engine = create_engine(make_url(url).set(drivername=_DRIVERS[url.partition(":")[0]]))
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
            yield
        engine.dispose()

    def start(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        key = self.data / "key.pem"
        key.write_text(self.key)
        with (self.data / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "auth"],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        deadline, seen = time.monotonic() + _START_SECONDS, ""
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/readyz", timeout=5).status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError as error:
                seen = repr(error)
            time.sleep(0.05)
        raise AssertionError(f"the service did not get ready: {seen}\n{self.log}")

    def stop(self) -> int:
        """Ask the process to end, as Docker does; return its exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=30)
        finally:
            self.process.kill()
            self.process = None
