"""The budget of a stack's compartment, on a recording engine."""

from collections.abc import Callable

from components.budget import Budget, BudgetArgs
from tests.unit.conftest import Program, Recording

Up = Callable[[Program], Recording]


def make(up: Up, *, amount: int) -> Recording:
    def program() -> None:
        Budget(
            "auth",
            BudgetArgs(
                tenancy_id="tenancy",
                compartment_id="compartment",
                amount=amount,
                emails=("a@example.com", "b@example.com"),
            ),
        )

    return up(program)


def test_the_budget_is_of_the_compartment_and_lies_in_the_tenancy(up: Up) -> None:
    budget = make(up, amount=20)["auth-budget"]

    assert (budget["compartmentId"], budget["targets"]) == ("tenancy", ["compartment"])
    assert budget["amount"] == 20


def test_each_rule_mails_every_address_and_names_the_runbook(up: Up) -> None:
    rules = make(up, amount=20).of_type("oci:Budget/rule:Rule")

    # the engine hears of them in any order
    assert sorted((rule["type"], rule["threshold"]) for rule in rules) == [
        ("ACTUAL", 50),
        ("ACTUAL", 80),
        ("ACTUAL", 100),
        ("FORECAST", 100),
    ]
    assert {rule["recipients"] for rule in rules} == {"a@example.com,b@example.com"}
    assert all("docs/runbook.md" in rule["message"] for rule in rules)


def test_without_an_amount_there_is_no_budget(up: Up) -> None:
    assert make(up, amount=0).of_type("oci:Budget/budget:Budget") == []
