"""Ports of a container and their connections, as the kernel says (proc(5), /proc/PID/net/tcp)."""

import ipaddress
import socket
from pathlib import Path

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# of the kernel's include/net/tcp_states.h
_ESTABLISHED, _LISTEN = "01", "0A"
_REMEDY = "let it listen on 0.0.0.0"


def why_unreachable(process: int, port: int) -> str:
    """Return why an IPv4 connection from outside a container misses its port; "" if unknown.

    `process` is one of the container's, as the host numbers it: its /proc shows their network.
    """
    listeners = _endpoints(process, _LISTEN)
    addresses = [address for address, at in listeners if at == port]
    others = sorted({at for address, at in listeners if not address.is_loopback})
    if not addresses:
        return f"it listens on port {', '.join(map(str, others))}, not on {port}" if others else ""
    where = f"it listens on {' and '.join(sorted(map(str, addresses)))} only"
    if all(address.is_loopback for address in addresses):
        return f"{where}, which nothing outside its container reaches: {_REMEDY}"
    if all(isinstance(address, ipaddress.IPv6Address) for address in addresses):
        return f"{where}, by IPv6: {_REMEDY}"
    return ""


def open_connections(process: int | str, port: int) -> int:
    """Count the connections that a port has accepted, in the network of a process; "self" is ours.

    They end with the container.
    """
    return sum(at == port for _, at in _endpoints(process, _ESTABLISHED))


def _endpoints(process: int | str, state: str) -> list[tuple[Address, int]]:
    """List the local ends of TCP's sockets that are in a state."""
    found = []
    for table in ("tcp", "tcp6"):
        path = Path(f"/proc/{process}/net/{table}")
        try:
            rows = [row.split() for row in path.read_text().splitlines()[1:]]
        except OSError:  # the process has ended, or there is no IPv6
            continue
        found += [_endpoint(row[1]) for row in rows if row[3] == state]
    return found


def _endpoint(text: str) -> tuple[Address, int]:
    """Read ADDRESS:PORT in hexadecimal; the address is in words of this machine's byte order."""
    address, _, port = text.partition(":")
    words = [int(address[begin : begin + 8], 16) for begin in range(0, len(address), 8)]
    packed = b"".join(socket.htonl(word).to_bytes(4, "big") for word in words)
    return ipaddress.ip_address(packed), int(port, 16)
