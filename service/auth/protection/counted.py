"""The names by which attempts are counted: of a client, and of an account."""

import hashlib
from functools import lru_cache
from ipaddress import (
    IPv6Address,
    ip_network,
)

from auth.protection.addresses import parse


def hashed_name(name: str) -> str:
    """Return the hash under which attempts at a name are counted, with or without such an account.

    The name itself is not stored: people type passwords there.
    """
    return hashlib.sha256(name.strip().lower().encode()).hexdigest()


# a household or a server gets a /64 at the least; each of its addresses is the same client
_IPV6_CLIENT_BITS = 64


_REMEMBERED = 1024


@lru_cache(_REMEMBERED)
def counted_as(address: str) -> str:
    """Return the client that limits count: an IPv4 address, or the IPv6 network of a customer."""
    parsed = parse(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, _IPV6_CLIENT_BITS), strict=False))
    return address
