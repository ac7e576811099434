"""The platform that a stack leaves: it serves beside the new one until `make retire` deletes it.

Both use the same database, so the new platform can be tried, and the domain can lead there, while
clients still reach the former one. An update would delete the former in the same run.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from common.progress import step
from components import advice

if TYPE_CHECKING:
    from stack.stack import Stack

_OF_SERVER, _OF_CLUSTER = "auth:server:Server", "auth:cluster:Cluster"
_TITLES = {_OF_SERVER: "server", _OF_CLUSTER: "cluster"}
_ADDRESS = "oci:Core/publicIp:PublicIp"

Resource = Mapping[str, Any]  # as the engine's state has it


def of(resources: Sequence[Resource], *, is_cluster: bool) -> str | None:
    """Return the name of the platform that a state has and the configuration has not."""
    former = _OF_SERVER if is_cluster else _OF_CLUSTER
    return _TITLES[former] if any(each["type"] == former for each in resources) else None


def kept(stack: "Stack") -> list[str]:
    """Return the URNs that an update leaves alone: all that it would delete during a move."""
    resources = stack.resources()
    if not (name := former(stack, resources)):
        return []
    with step(f"Find the resources of the {name}, which stays for now"):
        return _deletions(stack)


def notice(stack: "Stack") -> str | None:
    """Return the state of a move, with its end; None if the stack does not move."""
    resources = stack.resources()
    if not (name := former(stack, resources)):
        return None
    component = {title: token for token, title in _TITLES.items()}[name]
    addresses = [
        each["outputs"]["ipAddress"]
        for each in resources
        if each["type"] == _ADDRESS and _is_of(each, component)
    ]
    where = f" at {addresses[0]}" if addresses else ""
    return (
        f"The {name} of before still serves the same accounts{where}, and still costs. Let "
        "auth:domain lead to the new address, if there is one, and wait until clients follow. Then "
        f"`{advice.make('retire', stack.name)}` deletes the {name}."
    )


def former(stack: "Stack", resources: Sequence[Resource]) -> str | None:
    """Return the name of the platform that the stack leaves; None if it does not move."""
    from stack import platforms  # noqa: PLC0415 - it imports the stack

    return of(resources, is_cluster=platforms.is_cluster(stack))


def _deletions(stack: "Stack") -> list[str]:
    steps = stack.planned_steps(ignore_protect=True)
    return [each["urn"] for each in steps if each["op"] == "delete"]


def _is_of(resource: Resource, component: str) -> bool:
    # the load balancer's address is in the network of the cluster
    of_network = "auth:network:ClusterNetwork" if component == _OF_CLUSTER else component
    return f"{of_network}$" in resource["urn"]
