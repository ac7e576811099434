"""The home of an emulated cloud: its folder, its name, and its loopback network."""

import hashlib
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Self

from common import files

API_PORT = 7000
REGISTRY_PORT = 5000
FIRST_PUBLIC_HOST = 10  # .1 is the API and the registry; the rest below is kept for later services
_CANDIDATES = 64
_FILE = "home.json"


class HomeError(Exception):
    """The home can't be used; the text names the folder, the problem and the way out."""


@dataclass(frozen=True, kw_only=True)
class Home:
    """The place of an emulated cloud on this computer.

    Two clones have two homes, and so can run at the same time: containers carry the home's label
    and name prefix, and every address comes from its own /24 of 127.0.0.0/8, which needs no
    set-up on Linux and which Docker engines accept as an insecure registry.
    """

    path: Path
    id: str  # first 8 hex digits of sha256(real path)
    network: IPv4Network

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Read the home at `path`, creating it, with a free network, on first use."""
        if home := cls.find(path):
            return home
        path = Path(path).expanduser().resolve()
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise HomeError(
                f"{path} holds other files and no home.json. Name a new or empty folder: stopping "
                f"an emulated cloud removes its folder."
            )
        path.chmod(0o700)  # user data and keys are kept here
        identity = _identity(path)
        network = _free_network(identity)
        document = {"id": identity, "network": str(network)}
        files.write(path / _FILE, json.dumps(document, indent=2) + "\n", mode=0o644)
        return cls(path=path, id=identity, network=network)

    @classmethod
    def find(cls, path: Path | str) -> Self | None:
        """Read the home at `path`; None if that folder is not a home."""
        path = Path(path).expanduser().resolve()
        try:
            text = (path / _FILE).read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            saved = json.loads(text)
            home = cls(path=path, id=saved["id"], network=IPv4Network(saved["network"]))
        except (ValueError, KeyError, TypeError) as error:
            raise HomeError(
                f"{path / _FILE} is not a home file ({error}). Remove {path} and start again."
            ) from error
        if home.id != _identity(path):
            raise HomeError(
                f"{path} was copied or moved from elsewhere; its machines know it as {home.id}. "
                f"Move it back, or remove it and what `docker ps -a --filter label={home.label}` "
                f"shows."
            )
        return home

    @property
    def address(self) -> IPv4Address:
        """The address of the API and of the registry."""
        return self.network[1]

    @property
    def log_entries(self) -> Path:
        return self.path / "logs.sqlite"

    @property
    def database(self) -> Path:
        """The file of the store. Without it the cloud is empty, even beside running machines."""
        return self.path / "cloud.sqlite"

    @property
    def control_token_file(self) -> Path:
        """The file of the control token, which the API server writes when it starts."""
        return self.path / "control-token"

    @property
    def api_socket(self) -> Path:
        """The socket of the API, in a folder that every machine has."""
        return self.path / "api" / "api.sock"

    @property
    def endpoint(self) -> str:
        """The URL of the API, without a version."""
        return f"http://{self.address}:{API_PORT}"

    @property
    def registry(self) -> str:
        """Server part of an image name, as Docker writes it."""
        return f"{self.address}:{REGISTRY_PORT}"

    @property
    def public_addresses(self) -> Iterator[IPv4Address]:
        """The pool of reserved public IPs, in the order in which they are given out."""
        return (self.network[host] for host in range(FIRST_PUBLIC_HOST, 255))

    @property
    def label(self) -> str:
        """Docker label, `key=value`, of all that belongs to this home."""
        return f"auth.localcloud.home={self.id}"

    @property
    def prefix(self) -> str:
        """The first part of the names of this home's containers, volumes and networks."""
        return f"auth-{self.id}-"


def _identity(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:8]


def _free_network(identity: str) -> IPv4Network:
    """Choose 127.A.B.0/24 (A 64..126, B 1..254) from the identity, skipping networks in use."""
    for attempt in range(_CANDIDATES):
        digest = hashlib.sha256(f"{identity}/{attempt}".encode()).digest()
        second, third = 64 + digest[0] % 63, 1 + digest[1] % 254
        network = IPv4Network(f"127.{second}.{third}.0/24")
        if all(port_is_free(network[1], port) for port in (API_PORT, REGISTRY_PORT)):
            return network
    raise HomeError(
        f"No free loopback network: ports {API_PORT} and {REGISTRY_PORT} are taken at all "
        f"{_CANDIDATES} candidate addresses. A program bound to 0.0.0.0 takes them everywhere: "
        f"see `ss -ltnp` and stop it."
    )


def port_is_free(address: IPv4Address, port: int) -> bool:
    """Return whether nothing listens on the port at this address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # TIME_WAIT is not a user
        try:
            probe.bind((str(address), port))
        except OSError:
            return False
    return True
