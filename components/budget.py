"""The budget of the stack's compartment, and the mails about it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.labels import display_name

_HALF, _MOST, _WHOLE = 50, 80, 100  # shares of the budget, in %
_RUNBOOK = 'The steps: docs/runbook.md, "Money".'


@dataclass(frozen=True, kw_only=True)
class BudgetArgs:
    """The amount of a month, in the currency of the tenancy's rate card; 0: no budget."""

    tenancy_id: str
    compartment_id: str
    amount: int
    emails: Sequence[str]


class Budget(pulumi.ComponentResource):
    """Mails when the compartment has spent half, 80 % and all of its budget, or is about to.

    Oracle computes the spend every 24 hours. A budget stops nothing. It lies in the root
    compartment, and a compartment has a single budget.
    Source: https://docs.oracle.com/en-us/iaas/Content/Billing/Concepts/budgetsoverview.htm
    """

    def __init__(
        self, name: str, args: BudgetArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("auth:budget:Budget", name, None, opts)
        if args.amount:
            self._watch(name, args)
        self.register_outputs({})

    def _watch(self, name: str, args: BudgetArgs) -> None:
        # a stack without a budget does not import them
        from pulumi_oci.budget.budget import Budget as MonthlyBudget  # noqa: PLC0415
        from pulumi_oci.budget.rule import Rule  # noqa: PLC0415

        options = pulumi.ResourceOptions(parent=self)
        budget = MonthlyBudget(
            f"{name}-budget",
            compartment_id=args.tenancy_id,
            display_name=display_name(name),
            description="The compartment of the Authentication Service",
            amount=args.amount,
            reset_period="MONTHLY",
            target_type="COMPARTMENT",
            targets=[args.compartment_id],
            opts=options,
        )
        for kind, share, words in (
            ("ACTUAL", _HALF, f"{_HALF} % of the month's budget is spent."),
            ("ACTUAL", _MOST, f"{_MOST} % of the month's budget is spent."),
            ("ACTUAL", _WHOLE, "The month's budget is spent."),
            ("FORECAST", _WHOLE, "This month will cost more than its budget."),
        ):
            Rule(
                f"{name}-budget-{kind.lower()}-{share}",
                budget_id=budget.id,
                display_name=f"{display_name(name)}-{kind.lower()}-{share}",
                type=kind,
                threshold=share,
                threshold_type="PERCENTAGE",
                recipients=",".join(args.emails),
                message=f"{words} {_RUNBOOK}",
                opts=options,
            )
