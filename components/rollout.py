"""Releases on many servers: some servers at a time, and no more after a failure."""

from collections.abc import Callable, Sequence

import pulumi

from components.release import Release
from components.server import Server

Make = Callable[[Server, pulumi.ResourceOptions], Sequence[Release]]


def roll_out(servers: Sequence[Server], make: Make, *, at_once: int = 1) -> list[Release]:
    """Make the releases of each server, on `at_once` servers at a time.

    `make` registers a server's releases with the options that it gets. These depend on all releases
    of the servers before, so that a failure leaves the later servers unchanged.
    """
    if at_once < 1:
        raise ValueError(f"at_once is {at_once}; it must be 1 or more")
    releases: list[Release] = []
    for first in range(0, len(servers), at_once):
        options = pulumi.ResourceOptions(depends_on=list(releases))
        for server in servers[first : first + at_once]:
            releases += make(server, options)
    return releases
