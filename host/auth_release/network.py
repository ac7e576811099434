"""The network of the containers: addresses that stay, and a resolver of the host's.

Docker's engine starts and stops containers, and no more: packets reach them through the kernel
alone, so an engine that is stopped, restarted or upgraded costs no request. A published port would
be served by a process of the engine's, and so would the names that a container asks for.
"""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from .errors import ReleaseError
from .files import exclusive, write_atomically
from .programs import run, succeeds

NAME, BRIDGE = "auth", "auth0"
# Kept for benchmarks of network devices (RFC 2544): no VCN, office or VPN has a reason to use it,
# and Docker gives it to no other network.
SUBNET = ipaddress.IPv4Network("198.18.0.0/20")
# addresses for containers that need none that stays, as those of hooks
_PASSING = ipaddress.IPv4Network("198.18.8.0/21")
GATEWAY = str(SUBNET[1])  # this host, as the containers see it
PORT = 80  # of the addresses that the kernel leads on

_SLOT_ADDRESSES, _SLOT_PORTS = 4, 5
_FIRST_PORT = 20000
_ORACLE_RESOLVER = "169.254.169.254"
_RESOLVERS = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))


@dataclass(frozen=True, kw_only=True)
class Slot:
    """What one service has of this host's network, and no other one."""

    service: str  # what the proxy dials; no container has it: the kernel leads on to the live one
    canary: str  # what the proxy's own site before a canary dials
    releases: tuple[str, str]  # of containers: two releases run side by side
    entrance: int  # the port of the proxy's own site before a canary, on the loopback
    older: int  # the loopback's port that the proxy dialled before containers had addresses

    @classmethod
    def of(cls, number: int) -> "Slot":
        first = SUBNET.network_address + _SLOT_ADDRESSES * (number + 1)
        if first + _SLOT_ADDRESSES > _PASSING.network_address:
            raise ReleaseError(
                f"this host has addresses for {number} services, and each has one; on another host "
                "there are more"
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
    """Create the network and the containers' resolv.conf in `folder`; return the path of the file.

    Services are released side by side, and both are for all of them: one release at a time looks
    and creates.
    """
    resolvers = folder / "resolv.conf"
    with exclusive(folder / "network.lock"):
        _ensure_network()
        write_resolvers(resolvers)
    return resolvers


def _ensure_network() -> None:
    # `docker system prune` takes a network that is not in use
    if not succeeds("docker", "network", "inspect", NAME):
        run(
            *("docker", "network", "create", "--driver", "bridge"),
            *("--subnet", str(SUBNET), "--ip-range", str(_PASSING), "--gateway", GATEWAY),
            *("--opt", f"com.docker.network.bridge.name={BRIDGE}"),
            # containers of different services have nothing to say to each other
            *("--opt", "com.docker.network.bridge.enable_icc=false"),
            NAME,
        )
    subnets = run(
        *("docker", "network", "inspect", NAME),
        *("--format", "{{range .IPAM.Config}}{{.Subnet}} {{end}}"),
    ).split()
    if subnets != [str(SUBNET)]:
        raise ReleaseError(
            f"Docker's network {NAME!r} has the addresses {' '.join(subnets)}, not {SUBNET}: "
            f"somebody else made it. Remove it: docker network rm {NAME}"
        )


def write_resolvers(path: Path) -> None:
    """Write how a container resolves names, in resolv.conf(5)'s form: as this host does."""
    texts = (source.read_text() for source in _RESOLVERS if source.exists())
    usable = (text for text in map(_beyond_loopback, texts) if "nameserver" in text)
    text = next(usable, f"nameserver {_ORACLE_RESOLVER}\n")
    if not path.exists() or path.read_text() != text:
        write_atomically(path, text, mode=0o644)


def _beyond_loopback(text: str) -> str:
    """Leave out resolvers on the loopback, which is another one in a container, and comments."""
    lines = [
        line
        for line in text.splitlines()
        if re.match(r"(nameserver|search|options)\s", line)
        and not re.match(r"nameserver\s+(127\.|::1)", line)
    ]
    return "\n".join([*lines, ""])
