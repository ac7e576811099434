"""One emulated cloud's home: its folder, its name, and the loopback network it answers on."""

import hashlib
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Self

API_PORT = 7000
REGISTRY_PORT = 5000
FIRST_PUBLIC_HOST = 10  # .1 is the API and the registry; the rest below is kept for later services
_CANDIDATES = 64


class HomeError(Exception):
    """The home can't be used; the text names the folder, what is wrong and the way out."""


@dataclass(frozen=True, kw_only=True)
class Home:
    """Where one emulated cloud lives on this machine.

    Two clones have two homes, and so can run at the same time: containers carry the home's label and
    name prefix, and every address comes from its own /24 of 127.0.0.0/8, which needs no set-up on
    Linux and which Docker engines accept as an insecure registry.
    """

    path: Path
    id: str  # first 8 hex digits of sha256(real path)
    network: IPv4Network

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Read the home at `path`, creating it, with a free network, on first use."""
        path = Path(path).expanduser().resolve()
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        identity = hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
        network = _read_network(path / "home.json", identity)
        if network is None:
            network = _free_network(identity)
            _write_atomically(path / "home.json", {"id": identity, "network": str(network)})
        return cls(path=path, id=identity, network=network)

    @property
    def address(self) -> IPv4Address:
        """The address of the API and of the registry."""
        return self.network[1]

    @property
    def endpoint(self) -> str:
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
        """What the names of this home's containers, volumes and networks start with."""
        return f"auth-{self.id}-"


def _read_network(file: Path, identity: str) -> IPv4Network | None:
    """Return the network chosen earlier, or None for a new home or one that was copied or moved.

    A copied folder has another identity; keeping its network would make two homes collide.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        saved = json.loads(text)
        return IPv4Network(saved["network"]) if saved["id"] == identity else None
    except (ValueError, KeyError, TypeError) as error:
        raise HomeError(
            f"{file} is not a home file ({error}). Remove it; a new one is written on next start."
        ) from error


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
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # TIME_WAIT is not a user
        try:
            probe.bind((str(address), port))
        except OSError:
            return False
    return True


def _write_atomically(file: Path, content: object) -> None:
    draft = file.with_suffix(".tmp")
    draft.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    draft.replace(file)
