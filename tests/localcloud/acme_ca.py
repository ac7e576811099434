"""A CA of its own for a test: Pebble, which asks a name's address as Let's Encrypt does."""

import json
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import httpx
from certificates import certificate

from tests.localcloud.served import REPOSITORY
from toolchain import authority

LIFETIME = 90 * 86400
_LOOPBACK = IPv4Address("127.0.0.1")
_START_SECONDS = 20
_A, _HEADER_BYTES = b"\0\1", 12


@dataclass(frozen=True)
class Ca:
    directory: str
    roots: str  # PEM, of the directory's own HTTPS
    management: str  # URL

    def issuer(self) -> str:
        """Return the root of the certificates that it issues, in PEM."""
        trusting = ssl.create_default_context(cadata=self.roots)
        return httpx.get(f"{self.management}/roots/0", verify=trusting, timeout=5).text


@contextmanager
def running(folder: Path, *, http_port: int, address: IPv4Address = _LOOPBACK) -> Iterator[Ca]:
    """Yield a CA for which each name leads to a port of an address of this machine."""
    port, management = _free_port(), _free_port()
    roots = certificate(folder, str(_LOOPBACK))
    settings = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(roots),
        "privateKey": str(folder / "key.pem"),
        "httpPort": http_port,
        "tlsPort": _free_port(),
        "profiles": {"default": {"description": "usual", "validityPeriod": LIFETIME}},
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
    with _names(address) as name_server, (folder / "pebble.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(authority.ensure(REPOSITORY), "-config", folder / "pebble.json"),
                *("-dnsserver", name_server),
            ],
            env={"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"},
            stdout=log,
            stderr=log,
        )
        with process:
            try:
                _await(f"https://127.0.0.1:{port}/dir", folder)
                yield Ca(
                    directory=f"https://127.0.0.1:{port}/dir",
                    roots=roots.read_text(),
                    management=f"https://127.0.0.1:{management}",
                )
            finally:
                process.terminate()


def _await(url: str, folder: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            httpx.get(url, verify=False, timeout=2)  # noqa: S501 - whether it answers
        except httpx.HTTPError as error:
            if time.monotonic() > deadline:
                log = (folder / "pebble.log").read_text()
                raise AssertionError(f"Pebble did not start: {error}\n{log}") from None
            time.sleep(0.05)
        else:
            return


class _Names(socketserver.StreamRequestHandler):
    """Answers each question for an IPv4 address with that of its server, and others with nothing.

    By TCP, as Pebble asks (RFC 1035, section 4).
    """

    server: "_NameServer"

    def handle(self) -> None:
        while length := self.rfile.read(2):
            query = self.rfile.read(int.from_bytes(length))
            end = query.index(b"\0", _HEADER_BYTES) + 5  # the name, its type and its class
            is_address = query[end - 4 : end - 2] == _A
            head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, int(is_address), 0, 0)
            # a pointer to the name of the question; 60 s
            record = struct.pack("!H2sHIH", 0xC00C, _A, 1, 60, 4)
            record += self.server.address.packed
            answer = head + query[_HEADER_BYTES:end] + record * is_address
            self.wfile.write(len(answer).to_bytes(2) + answer)


class _NameServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, address: IPv4Address) -> None:
        super().__init__((str(_LOOPBACK), 0), _Names)
        self.address = address  # of each name


@contextmanager
def _names(address: IPv4Address) -> Iterator[str]:
    with _NameServer(address) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((str(_LOOPBACK), 0))
        return int(probe.getsockname()[1])
