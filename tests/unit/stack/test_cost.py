"""`make cost` prints the bill of the state, as a table and as JSON."""

import json
from pathlib import Path
from typing import Any

import pytest

from stack import cost
from stack.stack import Stack

VOLUME = "oci:Core/volume:Volume"


class Stored(Stack):
    """A stack with a state of its own."""

    def resources(self) -> list[dict[str, Any]]:
        urn = "urn:pulumi:dev::auth::auth:server:Server$oci:Core/volume:Volume::auth-data"
        other = urn.replace("Core/volume:Volume", "LoadBalancer/loadBalancer:LoadBalancer")
        return [
            {"urn": urn, "type": VOLUME, "inputs": {"sizeInGbs": "300"}},
            {"urn": other, "type": "oci:LoadBalancer/loadBalancer:LoadBalancer"},
        ]


STACK = Stored(name="dev", clone=Path(), env={})


def test_the_table_ends_with_the_date_of_the_prices(capsys: pytest.CaptureFixture[str]) -> None:
    assert cost.show(STACK, as_json=False) == 0

    printed = capsys.readouterr().out
    assert printed.splitlines()[0].endswith("  USD after Always Free  by the list")
    assert "4.25" in printed
    assert "2026-01-05" in printed


def test_json_has_exact_prices_and_no_price_where_there_is_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cost.show(STACK, as_json=True) == 0

    printed = json.loads(capsys.readouterr().out)
    assert (printed["currency"], printed["month"], printed["list"]) == ("USD", "4.2500", "12.7500")
    assert [line["month"] for line in printed["lines"]] == ["4.2500", None]
    assert printed["lines"][1]["note"] == "not priced"


def test_a_stack_without_resources_names_the_commands_that_show_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class New(Stack):
        def resources(self) -> list[dict[str, Any]]:
            return []

    assert cost.show(New(name="dev", clone=Path(), env={}), as_json=False) == 0

    printed = capsys.readouterr().out
    assert "make up STACK=dev makes them" in printed
    assert "make pr-comment STACK=dev shows their cost" in printed
