"""Alert rules: a share of a budget, or an amount, and the addresses that are mailed about it."""

from typing import Any, ClassVar

from pydantic import AwareDatetime, Field

from localcloud import ocids, resources
from localcloud.api import errors, wire
from localcloud.api.operation import (
    Call,
    Operation,
    Reply,
    body_fields,
    deletes,
    describe,
    lists,
    reads,
    updates,
)
from localcloud.api.wire import Resource, of_kind
from localcloud.cloud import Cloud
from localcloud.resources import TagDetails, Tags
from localcloud.service import ResourceType

_RULES = "/budgets/{budgetId}/alertRules"
_RULE = f"{_RULES}/{{alertRuleId}}"
_LARGEST_SHARE = 10_000


class AlertRule(Resource):
    """A rule of a budget."""

    kind: ClassVar[str] = "budgetalertrule"
    title: ClassVar[str] = "Alert Rule"
    id: str
    budget_id: str
    display_name: str
    type: str
    threshold: float
    threshold_type: str
    lifecycle_state: str = "ACTIVE"
    message: str | None = None
    description: str | None = None
    recipients: str | None = None
    version: int = 1
    time_created: AwareDatetime
    time_updated: AwareDatetime
    freeform_tags: Tags = Field(default_factory=dict)
    defined_tags: dict[str, dict[str, Any]] = Field(default_factory=dict)


class UpdateAlertRuleDetails(TagDetails):
    """The update of a rule."""

    display_name: str | None = Field(default=None, min_length=1)
    type: str | None = None
    threshold: float | None = Field(default=None, gt=0)
    threshold_type: str | None = None
    recipients: str | None = None
    description: str | None = None
    message: str | None = None


class CreateAlertRuleDetails(UpdateAlertRuleDetails):
    """The request for a rule."""

    type: str
    threshold: float = Field(gt=0)
    threshold_type: str


def _create(call: Call) -> Reply:
    """Create a rule of the budget that the path names, ACTIVE at once."""
    cloud, details = call.cloud, wire.read(CreateAlertRuleDetails, call.body)
    resources.refuse_defined_tags(details)
    _check(details)
    now = cloud.now()
    with cloud.store.transaction():
        budget = cloud.store.get(of_kind("budget"), call.path["budgetId"])
        fields = {name: getattr(details, name) for name in type(details).model_fields}
        rule = AlertRule(
            **{
                "display_name": f"alertrule{now:%Y%m%d%H%M%S}",
                **{name: value for name, value in fields.items() if value is not None},
            },
            id=ocids.mint(AlertRule.kind),
            budget_id=budget.ocid,
            time_created=now,
            time_updated=now,
        )
        cloud.store.put(rule)
    return describe(rule)


def _update(cloud: Cloud, rule: AlertRule, details: UpdateAlertRuleDetails) -> AlertRule:
    _check(details)
    changed = rule.changed(version=rule.version + 1, time_updated=cloud.now())
    return resources.update(cloud, changed, details)


def _check(details: UpdateAlertRuleDetails) -> None:
    if details.type not in {None, "ACTUAL", "FORECAST"}:
        raise errors.invalid_parameter(f"type {details.type} is neither ACTUAL nor FORECAST.")
    if details.threshold_type not in {None, "PERCENTAGE", "ABSOLUTE"}:
        raise errors.invalid_parameter(
            f"thresholdType {details.threshold_type} is neither PERCENTAGE nor ABSOLUTE."
        )
    if details.threshold_type == "PERCENTAGE" and (details.threshold or 0) > _LARGEST_SHARE:
        raise errors.invalid_parameter(f"threshold exceeds {_LARGEST_SHARE} %.")
    for address in (details.recipients or "").replace(";", ",").split(","):
        if details.recipients and "@" not in address.strip().strip("@"):
            raise errors.invalid_parameter(f"recipients has {address!r}, no e-mail address.")


def _of_budget(call: Call) -> list[AlertRule]:
    return call.cloud.store.find(AlertRule, budget_id=call.path["budgetId"])


RESOURCE_TYPE = ResourceType(
    resource=AlertRule,
    operations=(
        Operation(
            name="CreateAlertRule",
            method="POST",
            path=_RULES,
            answer=_create,
            fields=body_fields(CreateAlertRuleDetails),
        ),
        lists(
            "ListAlertRules",
            _RULES,
            AlertRule,
            ("displayName", "lifecycleState"),
            required=(),
            find=_of_budget,
        ),
        reads("GetAlertRule", _RULE, AlertRule),
        updates("UpdateAlertRule", _RULE, AlertRule, UpdateAlertRuleDetails, _update),
        deletes("DeleteAlertRule", _RULE, AlertRule, resources.delete),
    ),
)
