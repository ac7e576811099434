"""Where the programs in a container listen, as the kernel says (proc(5), /proc/PID/net/tcp)."""

import ipaddress
import socket
from pathlib import Path

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_LISTEN = "0A"  # TCP_LISTEN of the kernel's include/net/tcp_states.h
_REMEDY = "let it listen on 0.0.0.0"


def why_unreachable(process: int, port: int) -> str:
    """Return why an IPv4 connection from outside a container misses its port; "" if unknown.

    `process` is one of the container's, as the host numbers it: its /proc shows their network.
    """
    listeners = _listeners(process)
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


def _listeners(process: int) -> list[tuple[Address, int]]:
    found = []
    for table in ("tcp", "tcp6"):
        path = Path(f"/proc/{process}/net/{table}")
        try:
            rows = [row.split() for row in path.read_text().splitlines()[1:]]
        except OSError:  # the process has ended, or there is no IPv6
            continue
        found += [_endpoint(row[1]) for row in rows if row[3] == _LISTEN]
    return found


def _endpoint(text: str) -> tuple[Address, int]:
    """Read ADDRESS:PORT in hexadecimal; the address is in words of this machine's byte order."""
    address, _, port = text.partition(":")
    words = [int(address[begin : begin + 8], 16) for begin in range(0, len(address), 8)]
    packed = b"".join(socket.htonl(word).to_bytes(4, "big") for word in words)
    return ipaddress.ip_address(packed), int(port, 16)
