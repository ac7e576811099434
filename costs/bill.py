"""A bill: the monthly cost of resources, by their inputs and a price list."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from costs import price_list
from costs.price_list import PriceList

NOT_PRICED = "not priced"
_BALANCED = 10  # performance units for each GB of a volume, Oracle's default
_PREMIUM_SECONDS = 10  # interval of a monitor of the class Premium; longer intervals are Basic
_ZERO = Decimal(0)
_MOST = Decimal(10**6)  # of a quantity: OCPUs, GB


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource of a plan or a state, with its inputs in Pulumi's names."""

    name: str
    type: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Line:
    """A position of a bill; without a price, `note` has the reason."""

    name: str
    what: str
    price: Decimal | None  # a month, after Always Free
    list_price: Decimal | None  # a month, without Always Free
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Bill:
    """The positions, and the sums of the positions with a price."""

    currency: str
    date: str
    lines: tuple[Line, ...]

    @property
    def price(self) -> Decimal:
        """The cost of a month after Always Free, if nothing else in the tenancy uses that."""
        return sum((line.price for line in self.lines if line.price is not None), _ZERO)

    @property
    def list_price(self) -> Decimal:
        """The cost of a month without Always Free."""
        return sum((line.list_price for line in self.lines if line.list_price is not None), _ZERO)

    @property
    def not_priced(self) -> tuple[str, ...]:
        """The resources that the price list does not know."""
        return tuple(line.name for line in self.lines if line.note == NOT_PRICED)


@dataclass(frozen=True, kw_only=True)
class _Position:
    """A part of a resource, with the quantities of its meters for a month."""

    name: str
    what: str
    quantities: Mapping[str, Decimal] | None  # None: not priced


def monthly(resources: Iterable[Resource]) -> Bill:
    """Return the bill of a whole month.

    Always Free is used up in the order of the resources' types and names. Traffic is no resource,
    so it is not in a bill.
    """
    prices = price_list.current()
    left = {name: meter.free for name, meter in prices.meters.items()}
    in_order = sorted(resources, key=lambda each: (each.type, each.name))
    lines = [
        _line(position, prices, left)
        for resource in in_order
        for position in _positions(resource, prices)
    ]
    return Bill(
        currency=prices.currency,
        date=prices.date,
        lines=(*lines, *_by_use(in_order, prices)),
    )


def of_state(state: Iterable[Mapping[str, Any]]) -> list[Resource]:
    """Return Oracle's resources of an exported state; resources to delete are over already."""
    return [
        Resource(
            name=str(each["urn"]).rpartition("::")[2],
            type=str(each["type"]),
            inputs=each.get("inputs") or {},
        )
        for each in state
        if str(each.get("type", "")).startswith("oci:") and not each.get("delete")
    ]


def table(bill: Bill) -> list[str]:
    """Return the bill as lines of text, prices after Always Free and by the list."""
    rows = [
        (
            line.name,
            line.what,
            f"{line.price:.2f}" if line.price is not None else line.note,
            f"{line.list_price:.2f}" if line.list_price is not None else "",
        )
        for line in bill.lines
    ]
    heading = ("resource", "quantity", f"{bill.currency} a month", "by the list")
    rows = [heading, *rows, ("total", "", f"{bill.price:.2f}", f"{bill.list_price:.2f}")]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    priced = [row for row in rows if row[3]]
    price, listed = (max(len(row[column]) for row in priced) for column in (2, 3))
    return [
        f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  "
        + (f"{row[2]:>{price}}  {row[3]:>{listed}}" if row[3] else row[2])
        for row in rows
    ]


def _line(position: _Position, prices: PriceList, left: dict[str, Decimal]) -> Line:
    """Price a position, and take its free units from `left`."""
    if position.quantities is None:
        return Line(
            name=position.name, what=position.what, price=None, list_price=None, note=NOT_PRICED
        )
    price = listed = _ZERO
    for name, quantity in position.quantities.items():
        free = min(quantity, left[name])
        left[name] -= free
        price += (quantity - free) * prices.meters[name].price
        listed += quantity * prices.meters[name].price
    return Line(name=position.name, what=position.what, price=price, list_price=listed)


def _by_use(resources: Iterable[Resource], prices: PriceList) -> Iterator[Line]:
    """Return a line for each type of resources whose cost a plan does not know."""
    for token, group in itertools.groupby(resources, lambda resource: resource.type):
        if token in prices.by_use:
            first, *others = (resource.name for resource in group)
            yield Line(
                name=f"{first} and {len(others)} more" if others else first,
                what="",
                price=None,
                list_price=None,
                note=prices.by_use[token],
            )


def _positions(resource: Resource, prices: PriceList) -> Iterator[_Position]:
    if resource.type in prices.no_charge or resource.type in prices.by_use:
        return
    positions = _POSITIONS.get(resource.type)
    if positions is None:
        yield _Position(name=resource.name, what="", quantities=None)
        return
    try:
        yield from positions(resource, prices)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        # a value that is missing, or that the engine knows only later
        yield _Position(name=resource.name, what="", quantities=None)


def _instance(resource: Resource, prices: PriceList) -> list[_Position]:
    shape = str(resource.inputs.get("shape", ""))
    size = resource.inputs.get("shapeConfig") or {}
    meters = prices.shapes.get(shape)
    if meters is None:
        vm = _Position(name=resource.name, what=shape, quantities=None)
    else:
        ocpus, memory = _number(size["ocpus"]), _number(size["memoryInGbs"])
        quantities = {
            meters["memory"]: memory * prices.hours_per_month,
            meters["ocpu"]: ocpus * prices.hours_per_month,
        }
        what = f"{ocpus.normalize():f} OCPU, {memory.normalize():f} GB of {shape}"
        vm = _Position(name=resource.name, what=what, quantities=quantities)
    source = resource.inputs.get("sourceDetails") or {}
    disk = _disk(
        f"{resource.name}, its disk",
        source.get("bootVolumeSizeInGbs"),
        source.get("bootVolumeVpusPerGb"),
    )
    return [vm, disk]


def _volume(resource: Resource, prices: PriceList) -> list[_Position]:
    del prices
    inputs = resource.inputs
    return [_disk(resource.name, inputs.get("sizeInGbs"), inputs.get("vpusPerGb"))]


def _db_system(resource: Resource, prices: PriceList) -> list[_Position]:
    """Price the server; its storage grows by itself, and Oracle bills what the data take."""
    inputs = resource.inputs
    shape = str(inputs["shape"]).removeprefix("PostgreSQL.")
    ocpus, memory = _number(inputs["instanceOcpuCount"]), _number(inputs["instanceMemorySizeInGbs"])
    meters, hours = prices.shapes[shape], prices.hours_per_month
    return [
        _Position(
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


def _disk(name: str, size: Any, vpus_per_gb: Any) -> _Position:
    gbs, vpus = _number(size), _number(vpus_per_gb or _BALANCED)
    return _Position(
        name=name,
        what=f"{gbs.normalize():f} GB, {vpus.normalize():f} performance units a GB",
        quantities={"volume-storage": gbs, "volume-performance": gbs * vpus},
    )


def _monitor(resource: Resource, prices: PriceList) -> list[_Position]:
    del prices
    seconds, count = int(resource.inputs["intervalInSeconds"]), len(resource.inputs["targets"])
    meter = "monitor-premium" if seconds <= _PREMIUM_SECONDS else "monitor-basic"
    return [
        _Position(
            name=resource.name,
            what=f"{count} {'endpoint' if count == 1 else 'endpoints'}, every {seconds} s",
            quantities={meter: Decimal(count)},
        )
    ]


_POSITIONS: Mapping[str, Callable[[Resource, PriceList], list[_Position]]] = {
    "oci:Core/instance:Instance": _instance,
    "oci:Core/volume:Volume": _volume,
    "oci:HealthChecks/httpMonitor:HttpMonitor": _monitor,
    "oci:Psql/dbSystem:DbSystem": _db_system,
}
