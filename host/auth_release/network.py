"""The network of the containers: addresses that stay, and a resolver of the host's.

Docker's engine only starts and stops containers. Packets reach them through the kernel alone, so a
stop, restart or upgrade of the engine loses no request. With published ports, or with Docker's own
resolver, a process of the engine would be on the way.
"""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from . import engine_api
from .errors import ReleaseError
from .files import exclusive, write_changed
from .programs import run

NAME, BRIDGE = "auth", "auth0"
# Kept for benchmarks of network devices (RFC 2544): no VCN, office or VPN has a reason to use it,
# and Docker gives it to no other network.
SUBNET = ipaddress.IPv4Network("198.18.0.0/20")
# addresses for containers without a fixed address, such as hooks
_PASSING = ipaddress.IPv4Network("198.18.8.0/21")
GATEWAY = str(SUBNET[1])  # this host, in the containers' view
PORT = 80  # of the addresses that the kernel's rules lead to containers

_SLOT_ADDRESSES, _SLOT_PORTS = 4, 5
_FIRST_PORT = 20000
_ORACLE_RESOLVER = "169.254.169.254"
_RESOLVERS = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))


@dataclass(frozen=True, kw_only=True)
class Slot:
    """The addresses and ports that belong to a single service."""

    service: str  # the proxy dials it, and the kernel leads to the live release's container
    canary: str  # the proxy's own site before a canary dials it
    releases: tuple[str, str]  # the containers' own: two releases run side by side
    entrance: int  # the port of the proxy's own site before a canary, on the loopback
    older: int  # the loopback's port that the proxy dialled before containers had addresses

    @classmethod
    def of(cls, number: int) -> "Slot":
        first = SUBNET.network_address + _SLOT_ADDRESSES * (number + 1)
        if first + _SLOT_ADDRESSES > _PASSING.network_address:
            raise ReleaseError(
                f"this host has addresses for {number} services, and all are in use; another "
                "host has more"
            )
        port = _FIRST_PORT + _SLOT_PORTS * number
        return cls(
            service=str(first),
            canary=str(first + 1),
            releases=(str(first + 2), str(first + 3)),
            entrance=port + 3,
            older=port,
        )


def ensure(folder: Path) -> Path:
    """Create the network and the containers' resolv.conf in `folder`; return the file's path.

    All services share both, and are released side by side: so a lock lets a single release create
    them.
    """
    resolvers = folder / "resolv.conf"
    with exclusive(folder / "network.lock"):
        _ensure_network()
        write_resolvers(resolvers)
    return resolvers


def _ensure_network() -> None:
    subnets = _subnets()
    # `docker system prune` removes an unused network
    if not subnets:
        run(
            *("docker", "network", "create", "--driver", "bridge"),
            *("--subnet", str(SUBNET), "--ip-range", str(_PASSING), "--gateway", GATEWAY),
            *("--opt", f"com.docker.network.bridge.name={BRIDGE}"),
            # services must not reach each other's containers
            *("--opt", "com.docker.network.bridge.enable_icc=false"),
            NAME,
        )
    elif subnets != [str(SUBNET)]:
        raise ReleaseError(
            f"Docker's network {NAME!r} has the addresses {' '.join(subnets)}, not {SUBNET}: "
            f"somebody else made it. Remove it: docker network rm {NAME}"
        )


def _subnets() -> list[str]:
    """Return the subnets of the network; none without the network."""
    try:
        return [part["Subnet"] for part in engine_api.network(NAME)["IPAM"]["Config"]]
    except engine_api.AbsentError:
        return []


def write_resolvers(path: Path) -> None:
    """Write a resolv.conf(5) for containers: they resolve names by this host's resolvers."""
    texts = (source.read_text() for source in _RESOLVERS if source.exists())
    usable = (text for text in map(_beyond_loopback, texts) if "nameserver" in text)
    write_changed(path, next(usable, f"nameserver {_ORACLE_RESOLVER}\n"))


def _beyond_loopback(text: str) -> str:
    """Leave out comments, and resolvers on the loopback: a container has its own loopback."""
    lines = [
        line
        for line in text.splitlines()
        if re.match(r"(nameserver|search|options)\s", line)
        and not re.match(r"nameserver\s+(127\.|::1)", line)
    ]
    return "\n".join([*lines, ""])
