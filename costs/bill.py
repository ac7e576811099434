"""A bill: the monthly cost of resources, by their inputs and a price list."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from costs import price_list
from costs.positions import BALANCER, Position, Resource, positions
from costs.price_list import PriceList

NOT_PRICED = "not priced"
_ZERO = Decimal(0)


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
        for position in positions(resource, prices)
    ]
    return Bill(
        currency=prices.currency,
        date=prices.date,
        lines=(*lines, *_by_use(in_order, prices)),
    )


def has_price(token: str) -> bool:
    """Return whether resources of a type are in a bill: Oracle's, and the balancer of a cluster."""
    return token.startswith("oci:") or token == BALANCER


def of_state(state: Iterable[Mapping[str, Any]]) -> list[Resource]:
    """Return the resources of an exported state that are in a bill.

    Resources to delete are over already.
    """
    return [
        Resource(
            name=str(each["urn"]).rpartition("::")[2],
            type=str(each["type"]),
            inputs=each.get("inputs") or {},
        )
        for each in state
        if has_price(str(each.get("type", ""))) and not each.get("delete")
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
    heading = ("resource", "quantity", f"{bill.currency} after Always Free", "by the list")
    rows = [heading, *rows, ("total", "", f"{bill.price:.2f}", f"{bill.list_price:.2f}")]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    priced = [row for row in rows if row[3]]
    price, listed = (max(len(row[column]) for row in priced) for column in (2, 3))
    return [
        f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  "
        + (f"{row[2]:>{price}}  {row[3]:>{listed}}" if row[3] else row[2])
        for row in rows
    ]


def _line(position: Position, prices: PriceList, left: dict[str, Decimal]) -> Line:
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
