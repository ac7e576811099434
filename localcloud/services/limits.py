"""Oracle's Limits: the rest of each limit of the tenancy, by availability domain.

Source: https://docs.oracle.com/en-us/iaas/api/#/en/limits/20181025/
"""

from collections.abc import Callable
from typing import Any, ClassVar

from localcloud import resources
from localcloud.api import errors
from localcloud.api.operation import Call, Operation, Reply
from localcloud.api.wire import Resource, of_kind
from localcloud.cloud import Cloud
from localcloud.service import ResourceType, Service
from localcloud.services.identity.availability_domain import DOMAINS

_CORES, _MEMORY_IN_GBS, _MICROS, _STORAGE_IN_GBS = 100, 1024, 2, 61_440
_FAMILIES = ("a1", "a2", "e4", "e5")
_OVER = frozenset({"TERMINATING", "TERMINATED"})

# the usage of a cloud in a domain; of the region for an empty domain
Usage = Callable[[Cloud, str], float]


class ResourceAvailability(Resource):
    """The rest of a limit, and its use; both are whole numbers here."""

    kind: ClassVar[str] = "limit"
    title: ClassVar[str] = "Limit"
    used: int
    available: int


def _instances(cloud: Cloud, shape: str, domain: str) -> list[Any]:
    """Return the instances of a shape; Core Services has their class, found by its kind."""
    instances: list[Any] = cloud.store.find(of_kind("instance"), shape=shape)
    return [
        instance
        for instance in instances
        if instance.lifecycle_state not in _OVER and domain in {"", instance.availability_domain}
    ]


def _cores(shape: str) -> Usage:
    return lambda cloud, domain: sum(
        instance.shape_config.ocpus for instance in _instances(cloud, shape, domain)
    )


def _memory(shape: str) -> Usage:
    return lambda cloud, domain: sum(
        instance.shape_config.memory_in_gbs for instance in _instances(cloud, shape, domain)
    )


def _micros(cloud: Cloud, domain: str) -> float:
    return len(_instances(cloud, "VM.Standard.E2.1.Micro", domain))


def _storage(cloud: Cloud, domain: str) -> float:
    disks: list[Any] = [
        disk
        for kind in ("volume", "bootvolume")
        for disk in cloud.store.find(of_kind(kind), availability_domain=domain)
    ]
    return float(sum(disk.size_in_gbs for disk in disks if disk.lifecycle_state not in _OVER))


def _limits() -> dict[tuple[str, str], tuple[int, Usage, bool]]:
    """Return each limit by service and name: its value, its usage, and whether it is a domain's."""
    limits: dict[tuple[str, str], tuple[int, Usage, bool]] = {
        ("block-storage", "total-storage-gb"): (_STORAGE_IN_GBS, _storage, True),
        ("compute", "vm-standard-e2-1-micro-count"): (_MICROS, _micros, True),
    }
    for family in _FAMILIES:
        shape = f"VM.Standard.{family.upper()}.Flex"
        for place, in_domain in (("", True), ("regional-", False)):
            for what, value, usage in (
                ("core", _CORES, _cores(shape)),
                ("memory", _MEMORY_IN_GBS, _memory(shape)),
            ):
                name = f"standard-{family}-{what}-{place}count"
                limits["compute", name] = (value, usage, in_domain)
    return limits


_LIMITS = _limits()


def _availability(call: Call) -> Reply:
    """Answer the rest of a limit; a fault `limitExceeded` that names the limit leaves nothing."""
    resources.known_compartment(call.cloud, call.query.get("compartmentId", ""))
    limit = _LIMITS.get((call.path["serviceName"], call.path["limitName"]))
    if limit is None:
        raise errors.not_found()
    value, usage, in_domain = limit
    domain = call.query.get("availabilityDomain", "")
    if in_domain and domain not in DOMAINS:
        raise errors.invalid_parameter(f"availabilityDomain '{domain}' does not exist.")
    if domain and not in_domain:
        raise errors.invalid_parameter(
            "Parameter 'availabilityDomain' should be null for this limit's scope type."
        )
    used = int(usage(call.cloud, domain))
    exceeded = call.path["limitName"] in call.cloud.faults.exceeded(domain)
    available = 0 if exceeded else max(0, value - used)
    return Reply(body=ResourceAvailability(used=used, available=available).wire())


SERVICE = Service(title="Limits", version="20190729", clients=("oci_limits.LimitsClient",))
RESOURCE_TYPE = ResourceType(
    resource=ResourceAvailability,
    operations=(
        Operation(
            name="GetResourceAvailability",
            method="GET",
            path="/services/{serviceName}/limits/{limitName}/resourceAvailability",
            answer=_availability,
            queries=frozenset({"compartmentId", "availabilityDomain"}),
        ),
    ),
    limits="""
        - The limits of the shapes' cores and memory and of the volumes' storage are there, large
          and never enforced: a launch beyond them succeeds. The fault `limitExceeded` empties them.
    """,
)
