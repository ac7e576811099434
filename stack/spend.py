"""The spend of the running month, as Oracle's Budgets computes it once a day."""

from collections.abc import Mapping, Sequence
from typing import Any

from stack.cloud_client import failures, open_client, reason
from stack.errors import StackError
from stack.stack import Stack

BUDGET = "oci:Budget/budget:Budget"


def of(stack: Stack, resources: Sequence[Mapping[str, Any]]) -> str:
    """Return the spend and its budget, both in the currency of the tenancy's rate card.

    Raises StackError without an answer. `resources` are the stack's, with a budget.
    """
    import oci  # noqa: PLC0415 - takes most of a second

    client = open_client(stack, oci.budget.BudgetClient, package="oci_budget", path="/20190111")
    (identity,) = [each["id"] for each in resources if each["type"] == BUDGET]
    try:
        budget = client.get_budget(identity).data
    except failures() as error:
        raise StackError(f"the budget can't be read. {reason(error)}") from None
    return f"{budget.actual_spend or 0:.2f} of {budget.amount:.0f} spent this month"
