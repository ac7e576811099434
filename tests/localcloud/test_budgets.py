"""Budgets and their alert rules, through Oracle's own client."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import oci
import pytest
from oci.budget import models

from localcloud import clients
from localcloud.ocids import REGION
from stack import spend
from stack.errors import StackError
from tests.localcloud.caller import Caller, refused

if TYPE_CHECKING:
    from stack.stack import Stack


@pytest.fixture(name="budgets")
def _budgets(caller: Caller) -> Any:
    client = caller.client(oci.budget.BudgetClient)
    # the client's path on Oracle Cloud
    client.base_client.endpoint = f"{caller.home.endpoint}/20190111"
    return client


def details(caller: Caller, **fields: Any) -> Any:
    values = {
        "compartment_id": caller.account.tenancy,
        "display_name": "auth",
        "amount": 20,
        "reset_period": "MONTHLY",
        "target_type": "COMPARTMENT",
        "targets": [caller.compartment],
    }
    return models.CreateBudgetDetails(**{**values, **fields})


@pytest.fixture(name="budget")
def _budget(budgets: Any, caller: Caller) -> Iterator[Any]:
    budget = budgets.create_budget(details(caller)).data
    yield budget
    budgets.delete_budget(budget.id)


def rule(**fields: Any) -> Any:
    values = {
        "type": "ACTUAL",
        "threshold": 80,
        "threshold_type": "PERCENTAGE",
        "recipients": "a@example.test,b@example.test",
    }
    return models.CreateAlertRuleDetails(**{**values, **fields})


def test_a_budget_of_a_compartment_has_its_amount_and_its_rules(
    budgets: Any, budget: Any, caller: Caller
) -> None:
    made = budgets.create_alert_rule(budget.id, rule()).data
    budgets.update_budget(budget.id, models.UpdateBudgetDetails(amount=30))

    read = budgets.get_budget(budget.id).data
    assert (read.amount, read.actual_spend, read.alert_rule_count) == (30, 0, 1)
    assert [each.id for each in budgets.list_alert_rules(budget.id).data] == [made.id]
    (listed,) = budgets.list_budgets(caller.account.tenancy).data
    assert (listed.id, listed.alert_rule_count) == (budget.id, 1)
    budgets.update_alert_rule(budget.id, made.id, models.UpdateAlertRuleDetails(threshold=90))
    assert budgets.get_alert_rule(budget.id, made.id).data.threshold == 90
    budgets.delete_alert_rule(budget.id, made.id)
    refused(404, "NotAuthorizedOrNotFound", budgets.get_alert_rule, budget.id, made.id)


def test_an_update_may_have_system_tags_that_are_empty(budgets: Any, budget: Any) -> None:
    def update(tags: dict[str, Any]) -> Any:
        details = models.UpdateBudgetDetails(amount=40, system_tags=tags)
        return budgets.update_budget(budget.id, details)

    assert update({}).data.amount == 40
    assert "systemTags" in refused(400, "InvalidParameter", update, {"orcl-cloud": {"a": "b"}})


def test_a_budget_takes_its_rules_along(budgets: Any, caller: Caller) -> None:
    budget = budgets.create_budget(details(caller)).data
    made = budgets.create_alert_rule(budget.id, rule()).data

    budgets.delete_budget(budget.id)

    refused(404, "NotAuthorizedOrNotFound", budgets.get_alert_rule, budget.id, made.id)


def test_a_budget_outside_the_root_compartment_is_refused(budgets: Any, caller: Caller) -> None:
    elsewhere = details(caller, compartment_id=caller.compartment)

    assert "tenancy" in refused(400, "InvalidParameter", budgets.create_budget, elsewhere)


def test_a_compartment_has_a_single_budget(budgets: Any, budget: Any, caller: Caller) -> None:
    second = details(caller, display_name="second")

    text = refused(409, "Conflict", budgets.create_budget, second)
    assert budget.target_compartment_id in text


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"amount": 0}, "amount"),
        ({"display_name": "2 budgets"}, "displayName"),
        ({"target_type": "TAG"}, "targetType"),
        ({"targets": []}, "targets"),
    ],
)
def test_a_wrong_budget_is_refused_by_its_field(
    budgets: Any, caller: Caller, fields: dict[str, Any], word: str
) -> None:
    wrong = details(caller, **fields)

    assert word in refused(400, "InvalidParameter", budgets.create_budget, wrong)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"threshold": 10_001}, "threshold"),
        ({"recipients": "nobody"}, "recipients"),
    ],
)
def test_a_wrong_rule_is_refused_by_its_field(
    budgets: Any, budget: Any, fields: dict[str, Any], word: str
) -> None:
    wrong = rule(**fields)

    assert word in refused(400, "InvalidParameter", budgets.create_alert_rule, budget.id, wrong)


def test_the_spend_of_a_stack_is_read_of_its_budget(budget: Any, caller: Caller) -> None:
    account = caller.account
    values = {
        "oci:tenancyOcid": account.tenancy,
        "oci:userOcid": account.user,
        "oci:fingerprint": account.fingerprint,
        "oci:privateKeyPath": str(account.private_key_file),
        "oci:region": REGION,
    }
    env = {"CLIENT_HOST_OVERRIDES": clients.overrides(caller.home.endpoint)}
    configuration = SimpleNamespace(values=lambda: values)
    stack = cast("Stack", SimpleNamespace(name="dev", env=env, configuration=configuration))

    assert (
        spend.of(stack, [{"type": spend.BUDGET, "id": budget.id}]) == "0.00 of 20 spent this month"
    )
    with pytest.raises(StackError, match="can't be read"):
        spend.of(stack, [{"type": spend.BUDGET, "id": budget.id[:-1]}])
