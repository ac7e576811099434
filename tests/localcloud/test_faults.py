from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.localcloud.caller import Caller, refused
from tests.localcloud.launches import launch_details


@pytest.fixture
def inject(caller: Caller) -> Iterator[Callable[..., httpx.Response]]:
    with caller.control() as http:
        yield lambda **fault: http.post("/faults", json=fault)
        http.delete("/faults").raise_for_status()


def test_launches_fail_in_the_domain_that_a_fault_names(
    caller: Caller, vcn: Any, inject: Callable[..., httpx.Response]
) -> None:
    first, second, _ = caller.domains
    subnet = caller.subnet(vcn)
    inject(kind="outOfHostCapacity", availabilityDomain=first).raise_for_status()
    inject(kind="limitExceeded", availabilityDomain=second, limits=["cores"]).raise_for_status()

    def launch(domain: str) -> Any:
        details = launch_details(caller, subnet, availability_domain=domain)
        return caller.compute.launch_instance(details)

    assert refused(500, "InternalError", launch, first) == "Out of host capacity."
    assert "exceeded: cores. Request" in refused(400, "LimitExceeded", launch, second)


def test_a_fault_strikes_as_often_as_asked(
    caller: Caller, inject: Callable[..., httpx.Response]
) -> None:
    inject(kind="notAuthenticated", times=2).raise_for_status()
    for _ in range(2):
        refused(401, "NotAuthenticated", caller.network.list_vcns, caller.compartment)
    caller.network.list_vcns(caller.compartment)


@pytest.mark.parametrize(
    "fault", [{"kind": "earthquake"}, {"times": 1}, {"kind": "slowBoot", "x": 1}]
)
def test_an_unknown_fault_is_refused(
    inject: Callable[..., httpx.Response], fault: dict[str, Any]
) -> None:
    assert inject(**fault).status_code == 400
