"""The reason why a stack's server does not answer, as far as the cloud knows it."""

import socket
import sys
from collections.abc import Sequence

from common import progress
from components import advice
from stack.errors import StackError
from stack.stack import Stack

SSH_FAILED = 255  # ssh's own exit status: no command ran on the server
_CONNECT_SECONDS = 5
_VM = "oci:Core/instance:Instance"
_PARTS = (_VM, "oci:Core/volume:Volume", "oci:Core/publicIp:PublicIp")


def reason(stack: Stack) -> str | None:
    """Return why SSH does not reach the server, with the way out; None if it does.

    The cloud is asked for the parts of the server, which takes some seconds.
    """
    address = str(stack.outputs().get("serverIp", ""))
    problem = _connect(address)
    if problem is None:
        return None
    parts = {
        str(resource["urn"]): resource
        for resource in stack.resources()
        if resource["type"] in _PARTS
    }
    print(f"The server at {address} does not answer: {problem}.", file=sys.stderr)
    try:
        with progress.step("Ask the cloud for its VM, volume and address"):
            gone = stack.gone(list(parts))
    except StackError as error:
        return f"The cloud does not answer either: {error}"
    vms = [urn for urn, resource in parts.items() if resource["type"] == _VM]
    if any(urn in gone for urn in vms):
        return _loss(gone, parts=list(parts), stack=stack.name)
    ocids = ", ".join(str(parts[urn].get("id")) for urn in vms) or "no OCID in the state"
    return (
        f"The cloud has its VM ({ocids}), so it is booting, stopped, or closed to this machine. "
        "Look at it in the console, and at auth:allowedSshCidrs: is this machine's address in it?"
    )


def _loss(gone: Sequence[str], *, parts: Sequence[str], stack: str) -> str:
    def names(urns: Sequence[str]) -> str:
        return ", ".join(urn.rpartition("::")[2] for urn in urns)

    left = [urn for urn in parts if urn not in gone]
    stays = f"; {names(left)} {'stays' if len(left) == 1 else 'stay'}" if left else ""
    return (
        f"It was deleted outside of Pulumi: the cloud has no {names(gone)} any more. "
        f"`{advice.make('up REFRESH=1', stack)}` makes the missing parts anew{stays}."
    )


def _connect(address: str) -> str | None:
    """Connect to the server's SSH port; return the reason of a failure."""
    try:
        socket.create_connection((address, 22), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        return error.strerror or str(error)
    return None
