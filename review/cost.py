"""The monthly cost of a stack before and after the changes of a plan."""

from collections.abc import Iterable, Mapping
from typing import Any

from costs import bill
from costs.bill import Bill
from costs.positions import Resource
from review.events import Plan, masked


def bills(state: Iterable[Mapping[str, Any]], plan: Plan) -> tuple[Bill, Bill]:
    """Return the bills before and after a plan; `state` has the resources of an exported state."""
    before = {str(each["urn"]): resource for each in state for resource in bill.of_state([each])}
    after = dict(before)
    for change in plan.changes:
        if not bill.has_price(change.type):
            continue
        if change.operation != "create":
            # a preview with a refresh knows more than the state
            before[change.urn] = _resource(change.name, change.type, change.old)
        if change.operation == "delete":
            after.pop(change.urn, None)
        else:
            after[change.urn] = _resource(change.name, change.type, change.new)
    return bill.monthly(before.values()), bill.monthly(after.values())


def _resource(name: str, token: str, inputs: Mapping[str, Any]) -> Resource:
    return Resource(name=name, type=token, inputs=masked(inputs))
