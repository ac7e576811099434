"""The price list: Oracle's list prices, each with its source and date, and Always Free.

The currency is US dollars: Oracle's lists in other currencies are lists of their own, and no
exchange rate leads to them. A price without a source is not here, and a bill names its resource as
not priced.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("prices.json")


@dataclass(frozen=True, kw_only=True)
class Meter:
    """A price by its unit; `free` units a month cost nothing, once in a tenancy."""

    price: Decimal
    free: Decimal


@dataclass(frozen=True, kw_only=True)
class PriceList:
    """The prices of a currency at a date; a month has `hours_per_month`, as Oracle estimates."""

    currency: str
    date: str
    hours_per_month: int
    meters: Mapping[str, Meter]
    shapes: Mapping[str, Mapping[str, str]]  # a shape's meters of `ocpu` and `memory`
    by_use: Mapping[str, str]  # types of resources whose cost a plan does not know, with the rule
    no_charge: frozenset[str]  # types of resources


@cache
def current() -> PriceList:
    """Return the price list of this version of the program."""
    document = json.loads(FILE.read_text(), parse_float=Decimal)
    return PriceList(
        currency=document["currency"],
        date=document["date"],
        hours_per_month=document["hours_per_month"],
        meters={
            name: Meter(price=Decimal(meter["price"]), free=Decimal(meter.get("free", 0)))
            for name, meter in document["meters"].items()
        },
        shapes=document["shapes"],
        by_use=document["by_use"],
        no_charge=frozenset(document["no_charge"]),
    )
