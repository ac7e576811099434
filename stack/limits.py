"""Oracle's limits of the tenancy, asked before a stack's first VM is made."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stack.cloud_client import failures, open_client
from stack.errors import StackError
from stack.stack import Stack

_FLEXIBLE = re.compile(r"VM\.Standard\.([AE]\d)\.Flex")
_REGIONAL = frozenset({"a1"})  # families with limits of the region beside those of the domains
_MICRO = "VM.Standard.E2.1.Micro"


@dataclass(frozen=True, kw_only=True)
class Need:
    """A quantity that a limit must leave; `domain` is empty for a limit of the region.

    Source of the names: https://docs.oracle.com/en-us/iaas/Content/General/Concepts/servicelimits.htm
    """

    service: str
    limit: str
    quantity: int
    domain: str = ""


def needs(
    *, shape: str, ocpus: int, memory_in_gbs: int, disks_in_gbs: int, domain: str
) -> list[Need]:
    """Return the needs of a VM with its disks; of an unknown shape, the disks' needs alone."""
    disks = Need(
        service="block-storage", limit="total-storage-gb", quantity=disks_in_gbs, domain=domain
    )
    if shape == _MICRO:
        limit = "vm-standard-e2-1-micro-count"
        return [Need(service="compute", limit=limit, quantity=1, domain=domain), disks]
    match = _FLEXIBLE.fullmatch(shape)
    if match is None:
        return [disks]
    family = match[1].lower()
    quantities = (("core", ocpus), ("memory", memory_in_gbs))
    of_domain = [
        Need(
            service="compute",
            limit=f"standard-{family}-{what}-count",
            quantity=quantity,
            domain=domain,
        )
        for what, quantity in quantities
    ]
    of_region = [
        Need(service="compute", limit=f"standard-{family}-{what}-regional-count", quantity=quantity)
        for what, quantity in quantities
        if family in _REGIONAL
    ]
    return [*of_domain, *of_region, disks]


def check(stack: Stack, wanted: Sequence[Need], *, compartment: str) -> None:
    """Raise StackError if Oracle's limits leave too little; an unanswered question is no obstacle.

    A quota of a compartment counts as well. The user may lack the right to ask: then the update
    goes on, and a limit that is too low fails it later.
    """
    import oci  # noqa: PLC0415 - takes most of a second

    client = open_client(stack, oci.limits.LimitsClient, package="oci_limits")
    lacking, unanswered = [], []
    for need in wanted:
        try:
            answer = client.get_resource_availability(
                need.service,
                need.limit,
                compartment,
                **({"availability_domain": need.domain} if need.domain else {}),
                retry_strategy=oci.retry.NoneRetryStrategy(),
            ).data
        except failures() as error:
            unanswered.append(f"{need.limit} ({getattr(error, 'code', type(error).__name__)})")
            continue
        if answer.available is not None and answer.available < need.quantity:
            lacking.append(lack(need, answer.available))
    if unanswered:
        print(f"These limits can't be asked, and are not checked: {', '.join(unanswered)}.")
    if lacking:
        raise StackError(refusal(stack.name, lacking))


def lack(need: Need, available: float) -> str:
    """Return the line about a limit that is too low."""
    place = f" in {need.domain}" if need.domain else ""
    return f"{need.service} {need.limit}{place}: {need.quantity} needed, {available:g} available"


def refusal(stack: str, lacking: Sequence[str]) -> str:
    """Explain limits that are too low, with the ways out."""
    listed = "".join(f"  - {line}\n" for line in lacking)
    return (
        f"Oracle's limits leave too little for the VM of {stack}, so nothing was made:\n{listed}"
        "Ask for less by auth:ocpus, auth:memoryInGbs or auth:dataVolumeInGbs, choose another "
        "auth:shape, delete other resources, or request an increase in the console: "
        "Governance & Administration, Limits, Quotas and Usage."
    )


def of_configuration(
    values: Mapping[str, str], schema: Mapping[str, Mapping[str, Any]], *, domain: str, volume: bool
) -> list[Need]:
    """Return the needs of a stack's configuration; `volume`: its data volume is there already.

    A value that is no number is left to the program, whose refusal names it.
    """

    def value(key: str) -> str:
        return values.get(f"auth:{key}", str(schema[key]["default"]))

    def number(key: str) -> int:
        return int(value(key)) if value(key).isdigit() else 0

    disks = number("bootVolumeInGbs") + (0 if volume else number("dataVolumeInGbs"))
    return needs(
        shape=value("shape"),
        ocpus=number("ocpus"),
        memory_in_gbs=number("memoryInGbs"),
        disks_in_gbs=disks,
        domain=domain,
    )
