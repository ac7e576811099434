"""The expected downtime of the service, and its reasons."""

from collections.abc import Iterator
from dataclasses import dataclass

from review.container import releases
from review.events import Change, Plan
from review.verdict import (
    ADDRESS,
    CLUSTER,
    DB_SYSTEM,
    INSTANCE,
    NAMESPACE,
    NODE_POOL,
    VOLUME,
)

_ATTACHMENT = "oci:Core/volumeAttachment:VolumeAttachment"
_BALANCER = "kubernetes:core/v1:Service"
_SUBNET, _VCN = "oci:Core/subnet:Subnet", "oci:Core/vcn:Vcn"
# Oracle reboots a running instance to change these.
_REBOOTING = ("shape", "shapeConfig", "sourceDetails", "launchOptions", "platformConfig")
_RANKS = ("none", "seconds", "minutes", "until somebody acts")


@dataclass(frozen=True, kw_only=True)
class Downtime:
    """`length`: none, seconds, minutes, or until somebody acts."""

    length: str
    reasons: tuple[str, ...]


def expect(plan: Plan) -> Downtime:
    """Return the longest downtime of all the changes."""
    downtimes = [downtime for change in plan.changes if (downtime := _of(change))]
    downtimes += list(_of_releases(plan))
    if not downtimes:
        return Downtime(length="none", reasons=())
    length = max((length for length, _ in downtimes), key=_RANKS.index)
    reasons = tuple(dict.fromkeys(reason for rank, reason in downtimes if rank == length))
    return Downtime(length=length, reasons=reasons)


def _of(change: Change) -> tuple[str, str] | None:
    gone = {
        INSTANCE: ("until somebody acts", "the VM is deleted"),
        ADDRESS: ("until somebody acts", "the address is given back"),
        VOLUME: ("until somebody acts", "the data is deleted"),
        DB_SYSTEM: ("until somebody acts", "the accounts in PostgreSQL are deleted"),
        CLUSTER: ("until somebody acts", "the cluster is deleted"),
        NODE_POOL: ("until somebody acts", "the cluster's nodes are deleted"),
        NAMESPACE: ("until somebody acts", "the service is deleted from the cluster"),
        _BALANCER: ("until somebody acts", "the load balancer is deleted"),
    }
    replaced = {
        INSTANCE: ("minutes", "a new VM boots and is provisioned"),
        ADDRESS: ("until somebody acts", "the service is at another address: clients and DNS"),
        VOLUME: ("minutes", "the data volume is replaced by an empty volume"),
        DB_SYSTEM: ("until somebody acts", "the PostgreSQL server is replaced by an empty server"),
        CLUSTER: ("minutes", "a new cluster is made, with new nodes"),
        NODE_POOL: ("minutes", "the service moves to new nodes"),
        NAMESPACE: ("minutes", "the service is removed from the cluster, and released again"),
        _BALANCER: ("minutes", "the load balancer is made anew"),
        _ATTACHMENT: ("minutes", "the data volume is detached and attached again"),
        _SUBNET: ("minutes", "the subnet is made anew"),
        _VCN: ("minutes", "the network is made anew"),
    }
    if change.operation == "delete":
        return gone.get(change.type)
    if change.operation == "replace":
        return replaced.get(change.type)
    if change.type == INSTANCE and any(path.startswith(_REBOOTING) for path in change.paths):
        return ("minutes", "the VM is rebooted")
    return None


def _of_releases(plan: Plan) -> Iterator[tuple[str, str]]:
    for release in releases(plan):
        if (release.new.get("settings") or {}).get("maintenance"):
            yield "until somebody acts", "maintenance: the proxy answers 503 until it is turned off"
        elif release.operation != "delete":
            yield "none", "the new release takes over once it is healthy"
