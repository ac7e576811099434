"""One release on many servers: some at a time, and no further once one has failed."""

from collections.abc import Callable, Sequence

import pulumi

from components.release import Release
from components.server import Server

Make = Callable[[Server, pulumi.ResourceOptions], Sequence[Release]]


def roll_out(servers: Sequence[Server], make: Make, *, at_once: int = 1) -> list[Release]:
    """Make the releases of each server, `at_once` servers side by side.

    `make` registers a server's releases with the options that it is given: they depend on all
    releases of the servers before, so that a failure there leaves the rest as they are.
    """
    if at_once < 1:
        raise ValueError(f"at_once is {at_once}; at least one server must be released at a time")
    done: list[Release] = []
    for first in range(0, len(servers), at_once):
        options = pulumi.ResourceOptions(depends_on=list(done))
        for server in servers[first : first + at_once]:
            done += make(server, options)
    return done
