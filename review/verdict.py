"""Whether a change may be merged: it must not take machines, address or data by surprise."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from review.events import Change, Plan

ALLOWING = "allow-replacement"

INSTANCE = "oci:Core/instance:Instance"
ADDRESS = "oci:Core/publicIp:PublicIp"
VOLUME = "oci:Core/volume:Volume"
DB_SYSTEM = "oci:Psql/dbSystem:DbSystem"
CLUSTER = "oci:ContainerEngine/cluster:Cluster"
NODE_POOL = "oci:ContainerEngine/nodePool:NodePool"
NAMESPACE = "kubernetes:core/v1:Namespace"
GUARDED: Mapping[str, str] = {
    INSTANCE: "the VM",
    ADDRESS: "the address",
    VOLUME: "a volume",
    DB_SYSTEM: "the PostgreSQL server",
    CLUSTER: "the cluster",
    NODE_POOL: "the cluster's nodes",
    NAMESPACE: "the service's namespace",
}
# Oracle's provider replaces the boot volume of a running instance when any of these changes:
# https://registry.terraform.io/providers/oracle/oci/latest/docs/resources/core_instance
_DISK = ("sourceDetails.sourceId", "sourceDetails.sourceType", "sourceDetails.kmsKeyId")

Kind = Literal["clear", "allowed", "blocked", "failed"]


@dataclass(frozen=True, kw_only=True)
class Danger:
    """The deletion or replacement of a guarded resource."""

    urn: str
    what: str  # a sentence without its full stop
    because: str  # the properties that force it; empty if the engine names no property

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    kind: Kind
    dangers: tuple[Danger, ...]

    @property
    def passes(self) -> bool:
        return self.kind in {"clear", "allowed"}


def judge(plan: Plan, *, labels: Collection[str], status: int = 0) -> Verdict:
    """Judge a plan by the preview's exit status and the pull request's labels.

    A failed preview never passes, even with the label: its effect is unknown.
    """
    dangers = tuple(_dangers(plan))
    if status != 0 or plan.errors or not plan.finished:
        return Verdict(kind="failed", dangers=dangers)
    if not dangers:
        return Verdict(kind="clear", dangers=())
    return Verdict(kind="allowed" if ALLOWING in labels else "blocked", dangers=dangers)


def _dangers(plan: Plan) -> Iterator[Danger]:
    for change in plan.changes:
        what = GUARDED.get(change.type)
        if what and change.operation in {"replace", "delete"}:
            verb = "replaced" if change.operation == "replace" else "deleted"
            is_many = change.type == NODE_POOL
            yield _danger(change, f"{what} {'are' if is_many else 'is'} {verb}", change.forcing)
        elif change.type == INSTANCE and change.operation == "update":
            disk = [path for path in change.paths if path.startswith(_DISK)]
            if disk:
                yield _danger(change, "the VM's boot disk is replaced", disk)


def _danger(change: Change, what: str, because: list[str]) -> Danger:
    return Danger(urn=change.urn, what=what, because=", ".join(because))
