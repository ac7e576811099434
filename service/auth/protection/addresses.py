"""The address of a request's client, also behind proxies."""

import socket
import struct
from collections.abc import Iterable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from pathlib import Path

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_MAX_HOPS = 16
_ROUTES = Path("/proc/net/route")


def networks(names: str, *, routes: Path = _ROUTES) -> tuple[Network, ...]:
    """Read networks: CIDRs, addresses, `loopback`, and `gateway`, which is the default gateway.

    In a container, the gateway of Docker's bridge is its host, where the proxy's requests come
    from. Raise ValueError with the first unknown word.
    """
    listed: list[Network] = []
    for name in names.replace(",", " ").split():
        if name == "loopback":
            listed += LOOPBACK
        elif name == "gateway":
            listed += (ip_network(address) for address in _gateways(routes))
        else:
            try:
                listed.append(ip_network(name))
            except ValueError:
                raise ValueError(name) from None
    return tuple(listed)


def within(address: Address | None, known: Iterable[Network]) -> bool:
    return address is not None and any(address in network for network in known)


def parse(text: str) -> Address | None:
    """Read an address as proxies write it: also with a port, and IPv6 in brackets (RFC 7239 §6)."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def client(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """Return the client's address: the last address that is not a trusted proxy's.

    `forwarded` are the values of X-Forwarded-For, first to last. Each proxy adds the address of its
    caller at the right. They are read from the right, as far as trusted proxies wrote them; the
    client's own additions are at the left.
    """
    address = parse(peer)
    if address is None:
        return "unknown"
    hops = ",".join(forwarded).rsplit(",", _MAX_HOPS)[-_MAX_HOPS:]
    while hops and within(address, trusted):
        hop = parse(hops.pop())
        if hop is None:
            break
        address = hop
    return str(address)


def _gateways(routes: Path) -> list[str]:
    """Read the default gateways from the kernel's table, if there is such a table."""
    try:
        lines = routes.read_text().splitlines()[1:]
    except OSError:
        return []
    fields = [line.split() for line in lines]
    return [
        socket.inet_ntoa(struct.pack("<L", int(gateway, 16)))
        for _, destination, gateway, *_ in fields
        if int(destination, 16) == 0 and int(gateway, 16) != 0
    ]
