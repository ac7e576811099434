"""The positions of a resource in a bill: its parts, each with the quantities of its meters."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from costs.price_list import PriceList

BALANCER = "kubernetes:core/v1:Service"  # Oracle makes a load balancer for it
_BALANCED = 10  # performance units for each GB of a volume, Oracle's default
_PREMIUM_SECONDS = 10  # interval of a monitor of the class Premium; longer intervals are Basic
_BANDWIDTH = "service.beta.kubernetes.io/oci-load-balancer-shape-flex-min"  # Mbps, always billed
_ZERO = Decimal(0)
_MOST = Decimal(10**6)  # of a quantity: OCPUs, GB


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource of a plan or a state, with its inputs in Pulumi's names."""

    name: str
    type: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Position:
    """A part of a resource, with the quantities of its meters for a month."""

    name: str
    what: str
    quantities: Mapping[str, Decimal] | None  # None: not priced


def positions(resource: Resource, prices: PriceList) -> Iterator[Position]:
    """Yield the positions of a resource, without a price if a value is missing or unknown."""
    if resource.type in prices.no_charge or resource.type in prices.by_use:
        return
    positions_of = _POSITIONS.get(resource.type)
    if positions_of is None:
        yield Position(name=resource.name, what="", quantities=None)
        return
    try:
        yield from positions_of(resource, prices)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        # a value that is missing, or that the engine knows only later
        yield Position(name=resource.name, what="", quantities=None)


def _instance(resource: Resource, prices: PriceList) -> list[Position]:
    inputs = resource.inputs
    return _machines(
        resource.name,
        str(inputs.get("shape", "")),
        size=inputs.get("shapeConfig") or {},
        source=inputs.get("sourceDetails") or {},
        prices=prices,
    )


def _node_pool(resource: Resource, prices: PriceList) -> list[Position]:
    """Price the nodes as VMs: the pool itself costs nothing."""
    inputs = resource.inputs
    return _machines(
        resource.name,
        str(inputs["nodeShape"]),
        size=inputs["nodeShapeConfig"],
        source=inputs.get("nodeSourceDetails") or {},
        prices=prices,
        count=_number(inputs["nodeConfigDetails"]["size"]),
    )


def _machines(
    name: str,
    shape: str,
    *,
    size: Mapping[str, Any],
    source: Mapping[str, Any],
    prices: PriceList,
    count: Decimal | None = None,
) -> list[Position]:
    """Price a VM and its disk, or `count` equal VMs and their disks."""
    times = Decimal(1) if count is None else count
    each = "" if count is None else f"{count.normalize():f} x "
    meters = prices.shapes.get(shape)
    if meters is None:
        machine = Position(name=name, what=each + shape, quantities=None)
    else:
        ocpus, memory = _number(size["ocpus"]), _number(size["memoryInGbs"])
        hours = times * prices.hours_per_month
        what = f"{each}{ocpus.normalize():f} OCPU, {memory.normalize():f} GB of {shape}"
        quantities = {meters["memory"]: memory * hours, meters["ocpu"]: ocpus * hours}
        machine = Position(name=name, what=what, quantities=quantities)
    disk = _disk(
        f"{name}, {'its disk' if count is None else 'their disks'}",
        source.get("bootVolumeSizeInGbs"),
        source.get("bootVolumeVpusPerGb"),
        count,
    )
    return [machine, disk]


def _cluster(resource: Resource, prices: PriceList) -> list[Position]:
    """Price the control plane: that of a Basic cluster costs nothing."""
    del prices
    if resource.inputs["type"] == "BASIC_CLUSTER":
        return []
    return [Position(name=resource.name, what=str(resource.inputs["type"]), quantities=None)]


def _balancer(resource: Resource, prices: PriceList) -> list[Position]:
    """Price the load balancer of a Service; other types of Services cost nothing."""
    spec = resource.inputs["spec"]
    if spec["type"] != "LoadBalancer":
        return []
    megabits = _number(resource.inputs["metadata"]["annotations"][_BANDWIDTH])
    hours = Decimal(prices.hours_per_month)
    return [
        Position(
            name=resource.name,
            what=f"load balancer, {megabits.normalize():f} Mbps",
            quantities={"balancer": hours, "balancer-bandwidth": megabits * hours},
        )
    ]


def _volume(resource: Resource, prices: PriceList) -> list[Position]:
    del prices
    inputs = resource.inputs
    return [_disk(resource.name, inputs.get("sizeInGbs"), inputs.get("vpusPerGb"))]


def _db_system(resource: Resource, prices: PriceList) -> list[Position]:
    """Price the server; its storage grows by itself, and Oracle bills what the data take."""
    inputs = resource.inputs
    shape = str(inputs["shape"]).removeprefix("PostgreSQL.")
    ocpus, memory = _number(inputs["instanceOcpuCount"]), _number(inputs["instanceMemorySizeInGbs"])
    meters, hours = prices.shapes[shape], prices.hours_per_month
    return [
        Position(
            name=resource.name,
            what=f"{ocpus.normalize():f} OCPU, {memory.normalize():f} GB, storage by use",
            quantities={
                "postgresql-ocpu": ocpus * hours,
                meters["ocpu"]: ocpus * hours,
                meters["memory"]: memory * hours,
            },
        )
    ]


def _number(value: Any) -> Decimal:
    """Return a quantity; raise ValueError or ArithmeticError for anything else."""
    number = Decimal(str(value))
    if not _ZERO <= number < _MOST:
        raise ValueError(value)
    return number


def _disk(name: str, size: Any, vpus_per_gb: Any, count: Decimal | None = None) -> Position:
    gbs, vpus = _number(size), _number(vpus_per_gb or _BALANCED)
    each = "" if count is None else f"{count.normalize():f} x "
    total = gbs * (Decimal(1) if count is None else count)
    return Position(
        name=name,
        what=f"{each}{gbs.normalize():f} GB, {vpus.normalize():f} performance units a GB",
        quantities={"volume-storage": total, "volume-performance": total * vpus},
    )


def _monitor(resource: Resource, prices: PriceList) -> list[Position]:
    del prices
    seconds, count = int(resource.inputs["intervalInSeconds"]), len(resource.inputs["targets"])
    meter = "monitor-premium" if seconds <= _PREMIUM_SECONDS else "monitor-basic"
    return [
        Position(
            name=resource.name,
            what=f"{count} {'endpoint' if count == 1 else 'endpoints'}, every {seconds} s",
            quantities={meter: Decimal(count)},
        )
    ]


_POSITIONS: Mapping[str, Callable[[Resource, PriceList], list[Position]]] = {
    BALANCER: _balancer,
    "oci:ContainerEngine/cluster:Cluster": _cluster,
    "oci:ContainerEngine/nodePool:NodePool": _node_pool,
    "oci:Core/instance:Instance": _instance,
    "oci:Core/volume:Volume": _volume,
    "oci:HealthChecks/httpMonitor:HttpMonitor": _monitor,
    "oci:Psql/dbSystem:DbSystem": _db_system,
}
