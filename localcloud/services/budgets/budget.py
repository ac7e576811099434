"""Budgets of compartments; nothing is spent on this cloud."""

import re
from typing import Any, ClassVar

from pydantic import AwareDatetime, Field

from localcloud import ocids, resources
from localcloud.api import errors
from localcloud.api.operation import Call, creates, deletes, lists, reads, updates
from localcloud.cloud import Cloud
from localcloud.resources import TagDetails, Tagged
from localcloud.service import ResourceType
from localcloud.services.budgets.alert_rule import AlertRule

_MOST = 10**12  # of an amount: 12 digits
_NAME = re.compile(r"[A-Za-z_-][A-Za-z0-9_-]*")


class Budget(Tagged):
    """A budget; `amount` is in the currency of the tenancy's rate card."""

    kind: ClassVar[str] = "budget"
    title: ClassVar[str] = "Budget"
    needs_others: ClassVar[bool] = False
    description: str | None = None
    amount: float
    reset_period: str = "MONTHLY"
    target_type: str = "COMPARTMENT"
    targets: list[str]
    target_compartment_id: str
    actual_spend: float = 0.0
    forecasted_spend: float = 0.0
    alert_rule_count: int = 0
    version: int = 1
    time_updated: AwareDatetime
    system_tags: dict[str, dict[str, Any]] = Field(default_factory=dict)


class UpdateBudgetDetails(TagDetails):
    """The update of a budget."""

    display_name: str | None = Field(default=None, min_length=1)
    description: str | None = None
    amount: float | None = Field(default=None, gt=0, lt=_MOST)
    reset_period: str | None = None
    system_tags: dict[str, dict[str, Any]] | None = None  # the official plugin sends it, empty


class CreateBudgetDetails(UpdateBudgetDetails):
    """The request for a budget."""

    compartment_id: str
    amount: float = Field(gt=0, lt=_MOST)
    reset_period: str
    target_type: str
    targets: list[str]


def create(cloud: Cloud, details: CreateBudgetDetails) -> Budget:
    """Create a budget of a compartment, ACTIVE at once.

    A budget lies in the root compartment, and no compartment is the target of two.
    Source: https://docs.oracle.com/en-us/iaas/Content/Billing/Tasks/create-budget.htm
    """
    if details.compartment_id != cloud.account.tenancy:
        raise errors.invalid_parameter("compartmentId must be the tenancy's OCID for a budget.")
    resources.refuse_defined_tags(details)
    _check(details)
    if details.target_type != "COMPARTMENT":
        raise errors.invalid_parameter(
            f"targetType {details.target_type} is not modelled by localcloud. Modelled: "
            "COMPARTMENT."
        )
    if len(details.targets) != 1:
        raise errors.invalid_parameter("targets must have exactly one item.")
    (target,) = details.targets
    resources.known_compartment(cloud, target)
    if cloud.store.find(Budget, target_compartment_id=target):
        raise errors.conflict(f"The compartment {target} has a budget already.")
    now = cloud.now()
    return cloud.store.put(
        Budget(
            id=ocids.mint(Budget.kind),
            compartment_id=details.compartment_id,
            display_name=details.display_name or f"budget{now:%Y%m%d%H%M%S}",
            description=details.description,
            amount=details.amount,
            targets=details.targets,
            target_compartment_id=target,
            freeform_tags=details.freeform_tags or {},
            time_created=now,
            time_updated=now,
            lifecycle_state="ACTIVE",
        )
    )


def _update(cloud: Cloud, budget: Budget, details: UpdateBudgetDetails) -> Budget:
    _check(details)
    changed = budget.changed(version=budget.version + 1, time_updated=cloud.now())
    return resources.update(cloud, changed, details)


def _check(details: UpdateBudgetDetails) -> None:
    if details.display_name is not None and not _NAME.fullmatch(details.display_name):
        raise errors.invalid_parameter(
            f"displayName {details.display_name!r} has more than letters, digits, dashes and "
            "underscores, or begins with a digit."
        )
    if details.system_tags:
        raise errors.invalid_parameter("systemTags are not modelled by localcloud.")
    if details.reset_period not in {None, "MONTHLY"}:
        raise errors.invalid_parameter(f"resetPeriod {details.reset_period} is not MONTHLY.")


def _counted(cloud: Cloud, budget: Budget) -> Budget:
    """Return the budget with the number of its rules."""
    return budget.changed(alert_rule_count=len(cloud.store.find(AlertRule, budget_id=budget.id)))


def _all_counted(call: Call) -> list[Budget]:
    return [_counted(call.cloud, budget) for budget in call.cloud.store.find(Budget)]


def _delete(cloud: Cloud, budget: Budget) -> None:
    """Delete a budget with its rules, as Oracle does."""
    rules = [rule.ocid for rule in cloud.store.find(AlertRule, budget_id=budget.id)]
    resources.delete(cloud, budget, own=rules)


RESOURCE_TYPE = ResourceType(
    resource=Budget,
    operations=(
        creates("CreateBudget", "/budgets", Budget, CreateBudgetDetails, create),
        lists(
            "ListBudgets",
            "/budgets",
            Budget,
            ("displayName", "lifecycleState"),
            find=_all_counted,
        ),
        reads("GetBudget", "/budgets/{budgetId}", Budget, _counted),
        updates(
            "UpdateBudget",
            "/budgets/{budgetId}",
            Budget,
            UpdateBudgetDetails,
            _update,
            show=_counted,
        ),
        deletes("DeleteBudget", "/budgets/{budgetId}", Budget, _delete),
    ),
    limits="""
        - A budget is of a compartment and a month. Nothing costs money here: the spend is 0, and no
          rule ever mails.
    """,
)
