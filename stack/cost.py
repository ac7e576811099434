"""The monthly cost of a stack's resources, by the price list of this version of the program."""

import json

from costs import bill
from costs.bill import Bill
from stack.names import is_local
from stack.stack import Stack

_REMARKS = (
    "Oracle's list prices of {date} in {currency}, for a whole month, without taxes.",
    "Always Free is of the tenancy's home region, and for all its stacks together.",
    "Traffic is not in the table: it costs by use.",
)


def of(stack: Stack) -> Bill:
    """Return the bill of the resources in the stack's state; no cloud is asked."""
    return bill.monthly(bill.of_state(stack.resources()))


def show(stack: Stack, *, as_json: bool) -> int:
    """Print the cost by resource; return the exit status."""
    cost = of(stack)
    if as_json:
        print(json.dumps(document(cost)))
        return 0
    if not cost.lines:
        print(f"The stack {stack.name} has no resource that costs money.")
        return 0
    print("\n".join(bill.table(cost)))
    print()
    if is_local(stack.name):
        print("Emulated, it costs nothing. On Oracle Cloud this would be the cost.")
    print("\n".join(_REMARKS).format(date=cost.date, currency=cost.currency))
    return 0


def document(cost: Bill) -> dict[str, object]:
    """Return a bill as JSON: prices as text in the bill's currency, null for a missing price."""
    return {
        "currency": cost.currency,
        "prices": cost.date,
        "month": str(cost.price),
        "list": str(cost.list_price),
        "lines": [
            {
                "resource": line.name,
                "quantity": line.what,
                "month": None if line.price is None else str(line.price),
                "list": None if line.list_price is None else str(line.list_price),
                "note": line.note,
            }
            for line in cost.lines
        ],
    }
