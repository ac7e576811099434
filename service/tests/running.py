"""A real server, in a process of its own, on a data folder of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

SERVICE = Path(__file__).parents[1]
ISSUER = "https://auth.example.test"
_START_SECONDS = 20


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
    """One process of the service; `log` has all it said so far."""

    data: Path
    key: str
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.data / "log").read_text()

    def start(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        key = self.data / "key.pem"
        key.write_text(self.key)
        with (self.data / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "auth"],
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": str(SERVICE),
                    "AUTH_SIGNING_KEY_FILE": str(key),
                    "AUTH_ISSUER": ISSUER,
                    "AUTH_DATA_DIR": str(self.data),
                    "AUTH_PORT": str(self.port),
                    # tests do in a second what people do in an hour; some turn them on again
                    "AUTH_RATE_LIMITS": "off",
                    **self.settings,
                },
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
        """Ask the process to end, as Docker does; give its exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=30)
        finally:
            self.process.kill()
            self.process = None
