"""The alarms of a stack, on a recording engine, and their report."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from components.alarms import Alarms, AlarmsArgs, site_down
from localcloud.services.monitoring import mql
from stack import alarms
from stack.alarms import AlarmState
from stack.errors import StackError
from tests.unit.conftest import Program, Recording
from tests.unit.test_components import make_release, make_server

Up = Callable[[Program], Recording]


def make(up: Up, *emails: str, domain: str = "", is_enabled: bool = True) -> Recording:
    def program() -> None:
        server = make_server()
        Alarms(
            "auth",
            AlarmsArgs(
                server=server,
                release=make_release(server=server),
                compartment_id="compartment",
                emails=emails,
                domain=domain,
                path="/readyz",
                is_enabled=is_enabled,
            ),
        )

    return up(program)


def test_each_address_is_subscribed_to_the_topic_of_the_alarm(up: Up) -> None:
    recorded = make(up, "a@example.com", "b@example.com")

    addresses = [each["endpoint"] for each in recorded.of_type("oci:Ons/subscription:Subscription")]
    assert addresses == ["a@example.com", "b@example.com"]
    alarm = recorded["auth-site-down"]
    assert alarm["isEnabled"] is True
    assert "docs/runbook.md" in alarm["body"]


def test_without_an_address_there_are_no_alarms(up: Up) -> None:
    recorded = make(up)

    assert not {name for name in recorded.names if "alarm" in name or "monitor" in name} - {"auth"}


@pytest.mark.parametrize(
    ("domain", "expected"),
    [("", ("HTTP", 80, ["192.0.2.7"])), ("auth.test", ("HTTPS", 443, ["auth.test"]))],
)
def test_the_monitor_asks_as_a_user_does(
    up: Up, domain: str, expected: tuple[str, int, list[str]]
) -> None:
    recorded = make(up, "a@example.com", domain=domain)
    monitor = recorded["auth-monitor"]

    assert "auth-release" in recorded.awaited["auth-monitor"], "a new stack would mail"
    assert (monitor["protocol"], monitor["port"], monitor["targets"]) == expected


def test_planned_work_disables_the_alarm_and_not_the_monitor(up: Up) -> None:
    recorded = make(up, "a@example.com", is_enabled=False)

    assert recorded["auth-site-down"]["isEnabled"] is False
    assert recorded["auth-monitor"]["isEnabled"] is True


def test_the_query_is_one_that_the_emulated_cloud_evaluates() -> None:
    query = mql.parse(site_down("ocid1.httpmonitor.oc1..a"))

    assert query.is_condition
    assert query.dimensions == {"resourceId": "ocid1.httpmonitor.oc1..a"}


@pytest.mark.parametrize("text", ["", "2", "2 h", "h", "0h", "8d", "-1h"])
def test_a_silence_without_a_usable_duration_is_refused(text: str) -> None:
    with pytest.raises(StackError, match="must be a duration up to 7 days"):
        alarms.parsed(text, "local")


def test_a_silence_has_minutes_hours_or_days() -> None:
    durations = [alarms.parsed(text, "local") for text in ("30m", "2h", "1d")]
    assert durations == [timedelta(minutes=30), timedelta(hours=2), timedelta(days=1)]


def test_each_alarm_is_a_line_with_its_state_and_its_silence() -> None:
    firing = AlarmState(name="site", state="FIRING", since="today", silent_until="noon")
    off = AlarmState(name="disk", state="OFF", since="", silent_until="")

    assert alarms.lines([firing, off]) == [
        "FIRING  site, since today, silent until noon",
        "OFF     disk, disabled by auth:maintenance",
    ]
