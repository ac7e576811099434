"""The review shows the cost of the whole stack: its changed resources and the unchanged."""

from decimal import Decimal
from typing import Any

from review.cost import bills
from tests.unit.review.plans import NODE_POOL, RELEASE, VM, VOLUME, plan, step

MICRO = {"shape": "VM.Standard.E2.1.Micro", "shapeConfig": {"ocpus": 1, "memoryInGbs": 1}}
E4 = {"shape": "VM.Standard.E4.Flex", "shapeConfig": {"ocpus": 1, "memoryInGbs": 8}}
DISK = {"sourceDetails": {"bootVolumeSizeInGbs": "50"}}
A_GB = Decimal("0.0255") + 10 * Decimal("0.0017")


def state(what: tuple[str, str], inputs: dict[str, Any]) -> dict[str, Any]:
    token, name = what
    return {"urn": f"urn:pulumi:dev::auth::{token}::{name}", "type": token, "inputs": inputs}


def test_an_unchanged_volume_counts_before_and_after() -> None:
    change = step(VM, "update", old={**MICRO, **DISK}, new={**E4, **DISK})

    before, after = bills([state(VOLUME, {"sizeInGbs": "300"})], plan(change))

    assert before.price == 150 * A_GB
    assert after.price == before.price + 744 * (Decimal("0.025") + 8 * Decimal("0.0015"))


def test_a_deleted_resource_costs_before_alone() -> None:
    volume = {"sizeInGbs": "300"}

    before, after = bills([state(VOLUME, volume)], plan(step(VOLUME, "delete", old=volume)))

    assert before.price == 100 * A_GB
    assert after.lines == ()


def test_a_created_resource_costs_after_alone() -> None:
    before, after = bills([], plan(step(VOLUME, "create", new={"sizeInGbs": "300"})))

    assert before.lines == ()
    assert after.price == 100 * A_GB


def test_a_component_and_a_release_are_in_no_bill() -> None:
    before, after = bills([], plan(step(RELEASE, "create", new={"revision": "a"})))

    assert (before.lines, after.lines) == ((), ())


def test_another_node_costs_after_the_change() -> None:
    def pool(size: int) -> dict[str, Any]:
        return {
            "nodeShape": "VM.Standard.E4.Flex",
            "nodeShapeConfig": {"ocpus": 1, "memoryInGbs": 8},
            "nodeSourceDetails": {"bootVolumeSizeInGbs": "50"},
            "nodeConfigDetails": {"size": size},
        }

    change = step(NODE_POOL, "update", old=pool(2), new=pool(3))

    before, after = bills([], plan(change))

    assert after.list_price == before.list_price * 3 / 2
