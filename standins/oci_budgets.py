"""Budgets and their alert rules, whose paths are below that of their budget."""

import dataclasses
from dataclasses import dataclass

from standins.oci_api import Client
from standins.oci_resources import Kind
from standins.resource import Context
from standins.values import Properties

CLIENT = Client("oci_budget.BudgetClient", "usage.{region}.oci", "20190111")


@dataclass(frozen=True, kw_only=True)
class AlertRule(Kind):
    """A rule of a budget: its id does not name the budget, which is in its properties."""

    def create(self, inputs: Properties, context: Context) -> tuple[str, Properties]:
        return super(AlertRule, self._below(inputs)).create(inputs, context)

    def read(self, identity: str, state: Properties, context: Context) -> Properties | None:
        return super(AlertRule, self._below(state)).read(identity, state, context)

    def update(
        self, identity: str, state: Properties, inputs: Properties, context: Context
    ) -> Properties:
        return super(AlertRule, self._below(inputs)).update(identity, state, inputs, context)

    def delete(self, identity: str, state: Properties, context: Context) -> None:
        super(AlertRule, self._below(state)).delete(identity, state, context)

    def _below(self, properties: Properties) -> "AlertRule":
        path = f"/budgets/{properties['budgetId']}/alertRules"
        return dataclasses.replace(self, path=path)

    def _body(self, properties: Properties) -> Properties:
        return super()._body({k: v for k, v in properties.items() if k != "budgetId"})


RESOURCES = {
    "oci:Budget/budget:Budget": Kind(
        client=CLIENT,
        path="/budgets",
        title="budget",
        required=frozenset({"amount", "compartmentId", "resetPeriod"}),
        optional=frozenset({"description", "displayName", "freeformTags", "targetType", "targets"}),
        computed=frozenset(
            {
                *("actualSpend", "alertRuleCount", "forecastedSpend", "state", "timeCreated"),
                *("timeSpendComputed", "timeUpdated", "version", "targetCompartmentId"),
            }
        ),
        fixed=frozenset({"compartmentId", "targetType", "targets"}),
        absent={"processingPeriodType": ""},
        ready=frozenset({"ACTIVE"}),
    ),
    "oci:Budget/rule:Rule": AlertRule(
        client=CLIENT,
        path="",  # below a budget
        title="alert rule",
        required=frozenset({"budgetId", "threshold", "thresholdType", "type"}),
        optional=frozenset({"displayName", "freeformTags", "message", "recipients"}),
        computed=frozenset({"state", "timeCreated", "timeUpdated", "version"}),
        fixed=frozenset({"budgetId"}),
        cleared=frozenset({"recipients"}),
        ready=frozenset({"ACTIVE"}),
    ),
}
