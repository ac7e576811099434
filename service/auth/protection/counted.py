"""The names by which attempts are counted: of a client, and of an account."""

import hashlib
from functools import lru_cache
from ipaddress import (
    IPv6Address,
    ip_network,
)

from auth.protection.addresses import parse


def hashed_name(name: str) -> str:
    """Return what is counted of a name that a client tries, whether or not there is such an account.

    The name itself is nobody's to keep: people type passwords there.
    """
    return hashlib.sha256(name.strip().lower().encode()).hexdigest()


# a household or a server gets a /64 at the least; each of its addresses is the same client
_IPV6_CLIENT_BITS = 64


_REMEMBERED = 1024


@lru_cache(_REMEMBERED)
def counted_as(address: str) -> str:
    """Return what rate limits count: an IPv4 address, or the IPv6 network of one customer."""
    parsed = parse(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, _IPV6_CLIENT_BITS), strict=False))
    return address
