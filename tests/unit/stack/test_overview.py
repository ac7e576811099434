"""The alarms and the cost in `make status`."""

from pathlib import Path
from typing import Any

import pytest

from stack import overview
from stack.alarms import AlarmState
from stack.overview import summary
from stack.stack import Stack


class Stored(Stack):
    """A stack with a volume of 300 GB, and neither alarms nor a budget."""

    def resources(self) -> list[dict[str, Any]]:
        urn = "urn:pulumi:dev::auth::auth:server:Server$oci:Core/volume:Volume::auth-data"
        return [{"urn": urn, "type": "oci:Core/volume:Volume", "inputs": {"sizeInGbs": "300"}}]


def alarm(name: str, state: str) -> AlarmState:
    return AlarmState(name=name, state=state, since="noon", silent_until="")


def test_the_alarms_that_fire_have_a_line_each() -> None:
    assert summary([alarm("disk", "OK"), alarm("site", "FIRING"), alarm("cpu", "OFF")]) == [
        "  alarms   FIRING  site, since noon"
    ]


def test_alarms_that_do_not_fire_share_a_line() -> None:
    assert summary([alarm("disk", "OK")]) == ["  alarms   none of 1 fires"]
    assert summary([alarm("disk", "OK"), alarm("site", "OFF")]) == [
        "  alarms   none of 2 fires, 1 disabled"
    ]


@pytest.mark.parametrize(("name", "remark"), [("dev", ""), ("local", "; emulated, it costs")])
def test_the_status_shows_the_cost_of_a_month_and_that_nobody_is_mailed(
    name: str, remark: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert overview.show(Stored(name=name, clone=Path(), env={}), lambda: 0) == 0

    alarms, cost = capsys.readouterr().out.splitlines()
    assert alarms == "  alarms   off, and nobody is mailed: set auth:alertEmails"
    # the words of `make cost` and of the review
    figures = "4.25 USD a month after Always Free, 12.75 by the list of 2026-01-05"
    assert cost.startswith(f"  cost     {figures}")
    assert remark in cost
