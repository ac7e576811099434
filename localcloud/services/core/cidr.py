"""Rules of address blocks. Source: https://docs.oracle.com/iaas/Content/Network/Tasks/VCNs.htm."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

from localcloud.api import errors

_SIZES = range(16, 31)


def parse(text: str) -> IPv4Network:
    """Read a CIDR block; the address must be the block's own first address."""
    try:
        block = IPv4Network(text, strict=False)
    except ValueError as error:
        raise errors.invalid_parameter(f"The requested CIDR {text} is invalid: {error}.") from error
    address = IPv4Address(text.partition("/")[0])
    if "/" not in text:
        raise errors.invalid_parameter(
            f"The requested CIDR {text} is invalid: it has no prefix length, as in {text}/24."
        )
    if address != block.network_address:
        raise errors.invalid_parameter(
            f"The requested CIDR {text} is invalid: CIDR IP {address} does not match network IP "
            f"{block.network_address}."
        )
    return block


def parse_sized(text: str) -> IPv4Network:
    """Read the block of a VCN or of a subnet: /16 to /30."""
    block = parse(text)
    if block.prefixlen not in _SIZES:
        raise errors.invalid_parameter(
            f"The requested CIDR {text} is invalid: its size must be between "
            f"/{_SIZES[0]} and /{_SIZES[-1]}."
        )
    return block


def refuse_overlap(block: IPv4Network, others: Iterable[tuple[str, IPv4Network]]) -> None:
    """Compare with the other blocks, each given with the name of its owner."""
    for owner, other in others:
        if block.overlaps(other):
            raise errors.invalid_parameter(
                f"The requested CIDR {block} is invalid: it overlaps with {owner} CIDR {other}."
            )
