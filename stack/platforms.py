"""The platform of a stack, a server or a cluster, and the answers that both give about it."""

from typing import Any

from stack import ssh
from stack.configuration import in_file
from stack.stack import Stack

CLUSTER = "cluster"
_KEY = "auth:platform"
_SERVER = "server"  # the default


def is_cluster(stack: Stack) -> bool:
    """Check whether a stack runs on a cluster, by its configuration."""
    # a local stack's is completed from the committed file by its first update
    files = (stack.configuration.file, stack.clone / f"Pulumi.{stack.name}.yaml")
    values = (in_file(file).get(_KEY) for file in files)
    return next(filter(None, values), _SERVER) == CLUSTER


def refuse(stack: Stack, command: str, *, key: str = "") -> None:
    """Raise StepError for a command that the platform of a stack has no use for."""
    if is_cluster(stack):
        from stack.cluster import refusals  # noqa: PLC0415 - a server refuses none of them

        refusals.refuse(command, stack.name, key=key)


def report(stack: Stack, command: str) -> Any:
    """Return the answer to `status` or `history`, as the values of its JSON."""
    if not is_cluster(stack):
        return ssh.report(stack, command)
    from stack.cluster import commands  # noqa: PLC0415 - a server needs no client of HTTP

    return commands.report(stack, command)


def output_of(stack: Stack, *words: str) -> str:
    """Return the output of a command in a container of the service; StackError if it fails."""
    if not is_cluster(stack):
        return ssh.ask(stack, *ssh.release_tool("exec", "--", *words))
    from stack.cluster import commands  # noqa: PLC0415 - a server needs no client of HTTP

    return commands.output_of(stack, *words)
