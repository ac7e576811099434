"""The reason why a stack's server does not answer, as far as the cloud can tell it."""

import socket
from collections.abc import Sequence

from common import progress
from components import advice
from stack.stack import Stack, StackError

SSH_FAILED = 255  # ssh's own status, where the command on the server has none
_CONNECT_SECONDS = 5
_VM = "oci:Core/instance:Instance"
_PARTS = (_VM, "oci:Core/volume:Volume", "oci:Core/publicIp:PublicIp")


def reason(stack: Stack) -> str:
    """Say why SSH does not reach the server, and the way out; empty if it does.

    Asks the cloud what is left of the server, which takes some seconds.
    """
    address = str(stack.outputs().get("serverIp", ""))
    problem = _connect(address)
    if not problem:
        return ""
    parts = {
        str(resource["urn"]): resource
        for resource in stack.resources()
        if resource["type"] in _PARTS
    }
    said = f"The server at {address} does not answer: {problem}."
    try:
        with progress.step(f"{said} Ask the cloud what is left of it"):
            gone = stack.gone(list(parts))
    except StackError as error:
        return f"The cloud can't be asked about it either: {error}"
    vms = [urn for urn, resource in parts.items() if resource["type"] == _VM]
    if any(urn in gone for urn in vms):
        return _loss(gone, parts=list(parts), stack=stack.name)
    ocids = ", ".join(str(parts[urn].get("id")) for urn in vms) or "none in the state"
    return (
        f"The cloud has its VM ({ocids}), so it is booting, stopped, or closed to this machine. "
        "Look at it in the console, and at auth:allowedSshCidrs, which names who may come in by "
        "SSH."
    )


def _loss(gone: Sequence[str], *, parts: Sequence[str], stack: str) -> str:
    def names(urns: Sequence[str]) -> str:
        return ", ".join(urn.rpartition("::")[2] for urn in urns)

    left = [urn for urn in parts if urn not in gone]
    stays = f"; {names(left)} {'stays' if len(left) == 1 else 'stay'}" if left else ""
    return (
        f"Somebody took it away outside of Pulumi: the cloud has no {names(gone)} any more. "
        f"`{advice.make('up REFRESH=1', stack)}` makes what is gone anew{stays}."
    )


def _connect(address: str) -> str:
    """Try the server's SSH port; say what is wrong, or nothing."""
    try:
        socket.create_connection((address, 22), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""
