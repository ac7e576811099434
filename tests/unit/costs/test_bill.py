"""A bill has each resource that costs money, by sourced prices and after Always Free."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from costs import bill, price_list
from costs.bill import Bill
from costs.positions import Resource

VM = "oci:Core/instance:Instance"
VOLUME = "oci:Core/volume:Volume"
MONITOR = "oci:HealthChecks/httpMonitor:HttpMonitor"


def vm(shape: str = "VM.Standard.A1.Flex", *, ocpus: Any = 1, memory: Any = 6) -> Resource:
    return Resource(
        name="auth-vm",
        type=VM,
        inputs={
            "shape": shape,
            "shapeConfig": {"ocpus": ocpus, "memoryInGbs": memory},
            "sourceDetails": {"bootVolumeSizeInGbs": "50"},
        },
    )


def volume(size: Any = "50", **inputs: Any) -> Resource:
    return Resource(name="auth-data", type=VOLUME, inputs={"sizeInGbs": size, **inputs})


def nodes(
    size: Any = 2, *, shape: str = "VM.Standard.A1.Flex", ocpus: int = 1, memory: int = 6
) -> Resource:
    return Resource(
        name="auth-nodes",
        type="oci:ContainerEngine/nodePool:NodePool",
        inputs={
            "nodeShape": shape,
            "nodeShapeConfig": {"ocpus": ocpus, "memoryInGbs": memory},
            "nodeSourceDetails": {"bootVolumeSizeInGbs": "50"},
            "nodeConfigDetails": {"size": size},
        },
    )


def cluster(kind: str = "BASIC_CLUSTER") -> Resource:
    token = "oci:ContainerEngine/cluster:Cluster"
    return Resource(name="auth-cluster", type=token, inputs={"type": kind})


def balancer(megabits: str = "10", *, name: str = "auth-service") -> Resource:
    flex = "service.beta.kubernetes.io/oci-load-balancer-shape-flex"
    return Resource(
        name=name,
        type="kubernetes:core/v1:Service",
        inputs={
            "metadata": {"annotations": {f"{flex}-min": megabits, f"{flex}-max": "400"}},
            "spec": {"type": "LoadBalancer"},
        },
    )


def price(cost: Bill, name: str) -> Decimal | None:
    return next(line.price for line in cost.lines if line.name == name)


def test_the_default_vm_is_within_always_free() -> None:
    cost = bill.monthly([vm(), volume()])

    assert cost.price == 0
    # 744 h of an OCPU for 0.01 and of 6 GB for 0.0015; 100 GB for 0.0255, with 10 units for 0.0017
    assert cost.list_price == Decimal("7.44") + Decimal("6.696") + Decimal("4.25")


def test_two_ocpus_with_12_gb_are_the_whole_of_always_free() -> None:
    assert price(bill.monthly([vm(ocpus=2, memory=12)]), "auth-vm") == 0
    assert price(bill.monthly([vm(ocpus=3, memory=12)]), "auth-vm") == Decimal("7.32")


def test_always_free_is_used_once_by_all_resources_together() -> None:
    cost = bill.monthly([vm(), volume("200")])

    # 50 GB more than 200
    assert cost.price == Decimal(50) * (Decimal("0.0255") + 10 * Decimal("0.0017"))


def test_a_postgresql_server_costs_its_fee_and_its_machine() -> None:
    inputs = {
        "shape": "PostgreSQL.VM.Standard.E5.Flex",
        "instanceOcpuCount": 1,
        "instanceMemorySizeInGbs": 16,
    }
    system = Resource(name="auth-database", type="oci:Psql/dbSystem:DbSystem", inputs=inputs)
    # 744 h of an OCPU for 0.098 and 0.03, and of 16 GB for 0.002
    assert price(bill.monthly([system]), "auth-database") == Decimal("119.04")


def test_two_small_nodes_and_the_first_load_balancer_are_within_always_free() -> None:
    cost = bill.monthly([cluster(), nodes(), balancer()])

    assert cost.price == 0
    # twice the default VM with its disk; 744 h of a balancer for 0.0113, of 10 Mbps for 0.0001
    machine = Decimal("7.44") + Decimal("6.696") + Decimal("2.125")
    assert cost.list_price == 2 * machine + Decimal("8.4072") + Decimal("0.744")


def test_each_node_costs_as_a_vm_of_its_size() -> None:
    def of(size: int) -> Decimal:
        return bill.monthly([nodes(size, shape="VM.Standard.E5.Flex")]).list_price

    assert of(3) - of(2) == 744 * (Decimal("0.03") + 6 * Decimal("0.002")) + Decimal("2.125")


def test_a_second_load_balancer_costs_and_so_does_more_bandwidth() -> None:
    two = bill.monthly([balancer(), balancer(name="auth-test")])

    assert two.price == 744 * (Decimal("0.0113") + 10 * Decimal("0.0001"))
    assert bill.monthly([balancer("100")]).price == 744 * 90 * Decimal("0.0001")


def test_a_service_without_a_load_balancer_costs_nothing() -> None:
    inputs = {"metadata": {}, "spec": {"type": "NodePort"}}
    of_nodes = Resource(name="auth-service", type="kubernetes:core/v1:Service", inputs=inputs)

    assert bill.monthly([of_nodes]).lines == ()


def test_another_shape_has_no_free_hours() -> None:
    cost = bill.monthly([vm("VM.Standard.E4.Flex")])

    assert price(cost, "auth-vm") == 744 * (Decimal("0.025") + 6 * Decimal("0.0015"))


def test_the_performance_of_a_volume_costs() -> None:
    faster = bill.monthly([volume("200", vpusPerGb="20")])

    assert faster.price == 2000 * Decimal("0.0017")


@pytest.mark.parametrize(("seconds", "expected"), [(10, "1.3"), (30, "0.3"), (60, "0.3")])
def test_a_monitor_costs_by_its_interval(seconds: int, expected: str) -> None:
    monitor = Resource(
        name="auth-monitor",
        type=MONITOR,
        inputs={"intervalInSeconds": seconds, "targets": ["192.0.2.7"]},
    )

    assert bill.monthly([monitor]).price == Decimal(expected)


@pytest.mark.parametrize(
    "resource",
    [
        vm("VM.Standard.Unheard.Flex"),
        vm(ocpus="04da6b54-80e4-46f7-96ec-b56ff0331ba9"),
        vm(memory=None),
        vm(ocpus="NaN"),
        vm(ocpus=-1),
        volume({"4dabf18193072939515e22adb298388d": "secret"}),
        Resource(name="lb", type="oci:LoadBalancer/loadBalancer:LoadBalancer", inputs={}),
        Resource(name="pool", type="oci:ContainerEngine/nodePool:NodePool", inputs={}),
        Resource(name="service", type="kubernetes:core/v1:Service", inputs={}),
        cluster("ENHANCED_CLUSTER"),
        nodes("04da6b54-80e4-46f7-96ec-b56ff0331ba9"),
    ],
)
def test_a_resource_without_a_price_is_named_and_not_guessed(resource: Resource) -> None:
    cost = bill.monthly([resource])

    assert cost.not_priced == (resource.name,)
    assert cost.list_price in {0, Decimal("2.125")}, "its disk alone has a price"


def test_the_bill_of_a_state_has_oracles_resources_and_the_balancer_of_a_cluster() -> None:
    state: list[dict[str, Any]] = [
        {
            "urn": "urn:pulumi:dev::auth::x::auth-data",
            "type": VOLUME,
            "inputs": {"sizeInGbs": "50"},
        },
        {"urn": "urn:pulumi:dev::auth::x::old", "type": VOLUME, "inputs": {}, "delete": True},
        {"urn": "urn:pulumi:dev::auth::x::default", "type": "pulumi:providers:oci", "inputs": {}},
        {"urn": "urn:pulumi:dev::auth::x::auth", "type": "auth:server:Server"},
        {"urn": "urn:pulumi:dev::auth::x::lb", "type": "kubernetes:core/v1:Service"},
        {"urn": "urn:pulumi:dev::auth::x::rule", "type": "kubernetes:core/v1:Secret"},
    ]

    assert [resource.name for resource in bill.of_state(state)] == ["auth-data", "lb"]


def test_the_table_lists_every_position_and_the_total() -> None:
    subscription = Resource(name="mail", type="oci:Ons/subscription:Subscription", inputs={})
    lines = bill.table(bill.monthly([vm("VM.Standard.E5.Flex"), volume(), subscription]))

    assert lines[0].split() == [
        "resource",
        "quantity",
        "USD",
        "after",
        "Always",
        "Free",
        "by",
        "the",
        "list",
    ]
    assert [line.split()[0] for line in lines[1:]] == [
        "auth-vm",
        "auth-vm,",
        "auth-data",
        "mail",
        "total",
    ]
    assert lines[-1].split()[1:] == ["31.25", "35.50"]
    assert "the first 1,000 a month are free" in lines[4]


def test_resources_that_cost_by_use_are_a_line_for_each_type() -> None:
    alarms = [
        Resource(name=name, type="oci:Monitoring/alarm:Alarm", inputs={})
        for name in ("b", "a", "c")
    ]
    (line,) = bill.monthly(alarms).lines

    assert line.name == "a and 2 more"
    assert line.price is None


def test_each_price_has_a_source_and_the_list_has_a_date() -> None:
    document = json.loads(price_list.FILE.read_text())

    assert date.fromisoformat(document["date"])
    assert [
        name
        for name, meter in document["meters"].items()
        if not meter["sources"] or not set(meter["sources"]) <= set(document["sources"])
    ] == []
    meters = {name for shape in document["shapes"].values() for name in shape.values()}
    assert meters <= set(document["meters"])
