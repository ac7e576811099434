"""Ports of a container and their connections, from the kernel (proc(5), /proc/PID/net/tcp)."""

import ipaddress
import socket
from pathlib import Path

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# of the kernel's include/net/tcp_states.h
_ESTABLISHED, _LISTEN = "01", "0A"
_REMEDY = "let it listen on 0.0.0.0"


def why_unreachable(process: int, port: int) -> str | None:
    """Explain why an IPv4 connection from outside can't reach a container's port, if known.

    `process` is any process of the container, by the host's numbers: its /proc shows their network.
    """
    listeners = _endpoints(process, _LISTEN)
    addresses = [address for address, at in listeners if at == port]
    others = sorted({at for address, at in listeners if not address.is_loopback})
    if not addresses:
        ports = ", ".join(map(str, others))
        return f"it listens on port {ports}, not on {port}" if others else None
    where = f"it listens on {' and '.join(sorted(map(str, addresses)))} only"
    if all(address.is_loopback for address in addresses):
        return f"{where}, which nothing outside its container reaches: {_REMEDY}"
    if all(isinstance(address, ipaddress.IPv6Address) for address in addresses):
        return f"{where}, by IPv6: {_REMEDY}"
    return None


def listens(process: int, port: int) -> bool:
    """Whether anything listens on a port, in the network of a process."""
    return any(at == port for _, at in _endpoints(process, _LISTEN))


def open_connections(process: int | str, port: int) -> int:
    """Count a port's accepted connections, in the network of a process; "self" is this process.

    A container's connections end with it.
    """
    return sum(at == port for _, at in _endpoints(process, _ESTABLISHED))


def _endpoints(process: int | str, state: str) -> list[tuple[Address, int]]:
    """List the local ends of the TCP sockets in a state."""
    endpoints = []
    for table in ("tcp", "tcp6"):
        path = Path(f"/proc/{process}/net/{table}")
        try:
            rows = [row.split() for row in path.read_text().splitlines()[1:]]
        except OSError:  # the process has ended, or there is no IPv6
            continue
        endpoints += [_endpoint(row[1]) for row in rows if row[3] == state]
    return endpoints


def _endpoint(text: str) -> tuple[Address, int]:
    """Read ADDRESS:PORT in hexadecimal; the address has words in this machine's byte order."""
    address, _, port = text.partition(":")
    words = [int(address[begin : begin + 8], 16) for begin in range(0, len(address), 8)]
    packed = b"".join(socket.htonl(word).to_bytes(4, "big") for word in words)
    return ipaddress.ip_address(packed), int(port, 16)
