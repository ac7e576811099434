"""Several services on several VMs, in a stack: examples/fleet on the emulated cloud."""

from collections.abc import Iterator

import httpx
import pytest

from tests.testbed.clone import Clone
from tests.testbed.fleet import Fleet

SERVICES = ("auth-0", "auth-1")


@pytest.fixture(scope="module", name="fleet")
def _fleet(clone: Clone) -> Iterator[Fleet]:
    fleet = Fleet.create(clone, "fleet")
    try:
        up = fleet.up()
        assert up.status == 0, up.output
        yield fleet
    finally:
        assert fleet.destroy().status == 0


def test_each_service_answers_on_each_vm_under_its_name(fleet: Fleet) -> None:
    for address in fleet.addresses().values():
        for service in SERVICES:
            host = f"{service}.example.test"
            answer = httpx.get(f"http://{address}/readyz", headers={"Host": host}, timeout=30)
            assert answer.status_code == httpx.codes.OK


def test_a_change_of_one_service_leaves_the_others_alone(fleet: Fleet) -> None:
    before = fleet.releases()

    assert fleet.up({"auth-1": {"WORD": "changed"}}).status == 0

    changed = {name for name, number in fleet.releases().items() if number != before[name]}
    assert changed == {"auth-1-on-vm-0", "auth-1-on-vm-1"}


def test_a_failure_on_one_vm_stops_before_the_next(fleet: Fleet) -> None:
    before = fleet.releases()
    failed = fleet.up({"auth-0": {"AUTH_PORT": "none"}})

    assert failed.status != 0
    assert "AUTH_PORT must be a whole number" in failed.output, "the service's reason is missing"
    assert {n: r for n, r in fleet.releases().items() if n.endswith("vm-1")} == {
        n: r for n, r in before.items() if n.endswith("vm-1")
    }
    assert fleet.up().status == 0, "the next run does not converge"
