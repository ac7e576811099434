"""IPv4 blocks of the configuration, compared with each other."""

from ipaddress import IPv4Network


def overlap(*blocks: str) -> bool:
    """Check whether two blocks share an address; a text that is no block is refused elsewhere."""
    try:
        first, second = (IPv4Network(block) for block in blocks)
    except ValueError:
        return False  # refused where the block is read
    return first.overlaps(second)
