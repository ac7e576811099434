"""Budgets and their alert rules: a rule is below its budget, in its path and in its id."""

from dataclasses import dataclass

from standins import oci_api
from standins.oci_api import Client
from standins.oci_resources import Kind
from standins.resource import Context
from standins.values import Properties

CLIENT = Client("oci_budget.BudgetClient", "usage.{region}.oci", "20190111")


@dataclass(frozen=True, kw_only=True)
class AlertRule(Kind):
    """A rule of a budget; its id is the path of both, as in the official plugin."""

    def create(self, inputs: Properties, context: Context) -> tuple[str, Properties]:
        path = f"budgets/{inputs['budgetId']}/alertRules"
        body = self._body({name: v for name, v in inputs.items() if name != "budgetId"})
        made = oci_api.of(context).call(self.client, "POST", f"/{path}", body=body)
        identity = f"{path}/{made['id']}"
        return identity, self._settled(identity, inputs, context)

    def seen(self, body: Properties, known: Properties) -> Properties:
        outputs = super().seen(body, known)
        return {name: value for name, value in outputs.items() if name != "id"}


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
        ready=frozenset({"ACTIVE"}),
    ),
    "oci:Budget/rule:Rule": AlertRule(
        client=CLIENT,
        path="",
        title="alert rule",
        required=frozenset({"budgetId", "threshold", "thresholdType", "type"}),
        optional=frozenset({"description", "displayName", "freeformTags", "message", "recipients"}),
        computed=frozenset({"state", "timeCreated", "timeUpdated", "version"}),
        fixed=frozenset({"budgetId"}),
        own=frozenset({"budgetId"}),
        ready=frozenset({"ACTIVE"}),
    ),
}
