"""The monthly cost of a stack's resources, by the price list of this version of the program."""

import json

from components import advice
from costs import bill
from costs.bill import Bill
from stack.names import is_local
from stack.stack import Stack

_REMARKS = (
    "Oracle's list prices of {date} in {currency}, for a whole month, without taxes.",
    "Always Free is of the tenancy's home region, and for all its stacks together.",
    "Traffic is not in the table: it costs by use.",
)


def show(stack: Stack, *, as_json: bool) -> int:
    """Print the cost of the resources in the stack's state; return the exit status.

    No cloud is asked.
    """
    resources = stack.resources()
    cost = bill.monthly(bill.of_state(resources))
    if as_json:
        print(json.dumps(document(cost)))
        return 0
    if not resources:
        print(
            f"The stack {stack.name} has no resources yet. {advice.make('up', stack.name)} makes "
            f"them; {advice.make('pr-comment', stack.name)} shows their cost before that."
        )
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
