"""The limits of the tenancy, through Oracle's own client."""

from collections.abc import Iterator
from typing import Any

import oci
import pytest

from localcloud import host
from tests.localcloud.caller import Caller, eventually, refused

FAMILY = "a1" if host.architecture() == "arm64" else "e4"


@pytest.fixture(name="limits")
def _limits(caller: Caller) -> Any:
    return caller.client(oci.limits.LimitsClient)


@pytest.fixture(name="control")
def _control(caller: Caller) -> Iterator[Any]:
    with caller.control() as http:
        yield http
        http.delete("/faults").raise_for_status()


def test_a_volume_takes_from_the_storage_of_its_domain(limits: Any, caller: Caller) -> None:
    def used(domain: str) -> int:
        answer = limits.get_resource_availability(
            "block-storage", "total-storage-gb", caller.compartment, availability_domain=domain
        )
        return int(answer.data.used)

    # in the first domain, disks of other tests' machines may be on their way out
    _, second, third = caller.domains
    before = used(second), used(third)
    details = oci.core.models.CreateVolumeDetails(
        compartment_id=caller.compartment, availability_domain=second, size_in_gbs=60
    )
    volume = caller.storage.create_volume(details).data

    assert used(second) == before[0] + 60
    assert used(third) == before[1]
    eventually(
        "the volume",
        lambda: caller.storage.get_volume(volume.id).data.lifecycle_state,
        "AVAILABLE",
    )
    caller.storage.delete_volume(volume.id)


def test_a_fault_of_a_limit_leaves_nothing_of_it_in_its_domain(
    limits: Any, caller: Caller, control: Any
) -> None:
    first, second, _ = caller.domains
    name = f"standard-{FAMILY}-core-count"
    control.post(
        "/faults", json={"kind": "limitExceeded", "availabilityDomain": first, "limits": [name]}
    ).raise_for_status()

    def available(domain: str) -> int:
        answer = limits.get_resource_availability(
            "compute", name, caller.compartment, availability_domain=domain
        )
        return int(answer.data.available)

    assert available(first) == 0
    assert available(second) > 0


def test_a_limit_is_asked_by_its_scope(limits: Any, caller: Caller) -> None:
    def ask(name: str, **query: str) -> Any:
        return limits.get_resource_availability("compute", name, caller.compartment, **query)

    assert ask("standard-a1-core-regional-count").data.available > 0
    refused(
        400,
        "InvalidParameter",
        ask,
        "standard-a1-core-regional-count",
        availability_domain=caller.domains[0],
    )
    refused(400, "InvalidParameter", ask, "standard-a1-core-count")
    refused(404, "NotAuthorizedOrNotFound", ask, "no-such-count")
