"""The alarms of a stack, on a recording engine, and their report."""

import argparse
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import oci
import pytest

from common.clone import CLONE
from components.alarms import RULES, SITE_DOWN, Alarms, AlarmsArgs, Rule, query, site_down
from components.endpoint import Endpoint
from host.auth_release import asking, backup, drill_result, measures
from host.auth_release.measures import Snapshot
from host.auth_release.monitoring import NAMESPACE
from host.auth_release.records import Record
from localcloud.services.monitoring import mql
from stack import alarms
from stack.alarms import AlarmState
from stack.errors import StackError
from tests.unit.conftest import Program, Recording
from tests.unit.host.fakes import desired
from tests.unit.test_components import make_release, make_server

Up = Callable[[Program], Recording]


ALARM = "oci:Monitoring/alarm:Alarm"
RUNBOOK = (CLONE / "docs" / "runbook.md").read_text()


def make(
    up: Up,
    *emails: str,
    domain: str = "",
    has_metrics: bool = True,
    is_enabled: bool = True,
) -> Recording:
    def program() -> None:
        server = make_server()
        Alarms(
            "auth",
            AlarmsArgs(
                address=server.public_ip,
                after=make_release(server=server),
                compartment_id="compartment",
                emails=emails,
                endpoint=Endpoint(domain=domain, allow_plain_http=True),
                path="/readyz",
                has_metrics=has_metrics,
                is_enabled=is_enabled,
            ),
        )

    return up(program)


def test_each_address_is_subscribed_to_the_topic_of_the_alarm(up: Up) -> None:
    recorded = make(up, "a@example.com", "b@example.com")

    subscriptions = recorded.of_type("oci:Ons/subscription:Subscription")
    # the engine gets them side by side
    assert sorted(each["endpoint"] for each in subscriptions) == ["a@example.com", "b@example.com"]
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


def test_planned_work_disables_the_alarms_on_requests_and_no_other(up: Up) -> None:
    recorded = make(up, "a@example.com", is_enabled=False)

    disabled = {each["displayName"] for each in recorded.of_type(ALARM) if not each["isEnabled"]}
    titles = {rule.title for rule in (SITE_DOWN, *RULES) if rule.is_of_requests}
    assert disabled == {f"auth test: {title}" for title in titles}
    assert recorded["auth-backup"]["isEnabled"] is True, "the data is in danger meanwhile, too"
    assert recorded["auth-monitor"]["isEnabled"] is True


def test_without_reports_there_is_no_alarm_that_could_never_fire(up: Up) -> None:
    recorded = make(up, "a@example.com", has_metrics=False)

    assert [each["displayName"] for each in recorded.of_type(ALARM)] == [
        "auth test: the site is down"
    ]


def test_an_alarm_watches_the_metrics_of_its_own_stack(up: Up) -> None:
    recorded = make(up, "a@example.com")

    for rule in RULES:
        alarm = recorded[f"auth-{rule.name}"]
        assert alarm["namespace"] == NAMESPACE
        assert mql.parse(alarm["query"]).dimensions == {"stack": "test", "server": "auth"}


@pytest.mark.parametrize("rule", [SITE_DOWN, *RULES], ids=lambda rule: rule.name)
def test_the_query_is_one_that_the_emulated_cloud_evaluates(rule: Rule) -> None:
    assert mql.parse(query(rule, {"stack": "dev"})).is_condition
    assert mql.parse(site_down("ocid1.a")).dimensions == {"resourceId": "ocid1.a"}


@pytest.mark.parametrize("rule", [SITE_DOWN, *RULES], ids=lambda rule: rule.name)
def test_the_text_of_an_alarm_names_a_section_of_the_runbook_that_has_steps(
    up: Up, rule: Rule
) -> None:
    body = make(up, "a@example.com")[f"auth-{rule.name}"]["body"]

    title = re.search(r'docs/runbook\.md, "(Alarm: .+)"', body)
    assert title
    heading = f"### {title[1]}\n"
    assert RUNBOOK.count(heading) == 1
    section = re.split("^#", RUNBOOK.partition(heading)[2], maxsplit=1, flags=re.MULTILINE)[0]
    assert "\n1. " in section
    assert re.search(r"`(make|pulumi) ", section), "no step is a command"


def test_each_alarm_is_on_a_metric_that_the_server_measures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "through_proxy", lambda _: None)
    monkeypatch.setattr(
        measures, "certificate_life", lambda *_: measures.CertificateLife(days=9, percent=10)
    )
    monkeypatch.setattr(backup, "state", lambda _: {"problem": "", "age_seconds": 1})
    monkeypatch.setattr(backup.Backup, "is_configured", lambda _: True)
    monkeypatch.setattr(backup.Backup, "of", lambda _: None)
    result = drill_result.DrillResult(at="2026-11-20T00:00:00Z", copy="c")
    monkeypatch.setattr(drill_result, "recent", lambda *_: result)
    record = Record(
        number=1,
        desired=desired(site="auth.test"),
        fingerprint="",
        by="",
        at="",
        seconds=0,
        outcome="live",
    )
    counters = {
        'auth_http_requests_total{route="/",status="200"}': 100.0,
        'auth_http_request_seconds_bucket{le="+Inf",route="/"}': 100.0,
        'auth_http_request_seconds_bucket{le="0.1",route="/"}': 100.0,
    }
    now, earlier = Snapshot(at=60, counters=counters), Snapshot(at=0, counters={})
    measured = {
        each.name
        for each in (
            *measures.of_host(),
            *measures.of_service(record),
            *measures.of_counters("auth", now, [earlier]),
        )
    }

    assert {rule.metric for rule in RULES} - measured == set()


@pytest.mark.parametrize("text", ["", "2", "2 h", "h", "0h", "8d", "-1h"])
def test_a_silence_without_a_usable_duration_is_refused(text: str) -> None:
    with pytest.raises(StackError, match="must be a duration up to 7 days"):
        alarms.parsed(text, "local")


def test_a_silence_has_minutes_hours_or_days() -> None:
    durations = [alarms.parsed(text, "local") for text in ("30m", "2h", "1d")]
    assert durations == [timedelta(minutes=30), timedelta(hours=2), timedelta(days=1)]


def test_a_silence_of_an_alarm_and_of_many_is_a_sentence() -> None:
    until = datetime(2026, 11, 27, 3, 10, tzinfo=UTC)

    assert alarms.silenced(1, until) == "1 alarm sends no mails until 2026-11-27 03:10:00 UTC."
    assert alarms.silenced(9, until).startswith("9 alarms send no mails")


def test_each_alarm_is_a_line_with_its_state_and_its_silence() -> None:
    firing = AlarmState(name="site", state="FIRING", since="today", silent_until="noon")
    off = AlarmState(name="disk", state="OFF", since="", silent_until="")

    assert alarms.lines([firing, off]) == [
        "FIRING  site, since today, silent until noon",
        "OFF     disk, disabled by auth:maintenance",
    ]


class Answering:
    """A client of Monitoring that suppresses an alarm, and ends no suppression."""

    def __init__(self, refusal: Exception, *, suppresses: bool) -> None:
        self.refusal, self.suppresses = refusal, suppresses

    def create_alarm_suppression(self, _: Any) -> Any:
        if not self.suppresses:
            raise self.refusal
        return SimpleNamespace(data=SimpleNamespace(id="ocid1.alarmsuppression.oc1..a"))

    def delete_alarm_suppression(self, _: str) -> None:
        raise self.refusal


@pytest.mark.parametrize(
    "refusal",
    [
        oci.exceptions.ServiceError(500, "InternalError", {}, "later"),
        oci.exceptions.ConnectTimeout("no route"),
    ],
    ids=["refused", "no connection"],
)
@pytest.mark.parametrize(
    ("suppresses", "warning"),
    [
        (False, "the alarms are not silent meanwhile"),
        (True, "the alarms stay silent for up to an hour"),
    ],
)
def test_a_silence_that_fails_is_a_warning_and_the_work_keeps_its_result(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    refusal: Exception,
    suppresses: bool,
    warning: str,
) -> None:
    client = Answering(refusal, suppresses=suppresses)
    monkeypatch.setattr(alarms, "open_client", lambda *_, **__: client)
    values = {"auth:alertEmails": '["a@example.com"]'}
    stack: Any = SimpleNamespace(
        name="dev",
        resources=lambda: [{"type": ALARM, "id": "ocid1.alarm.oc1..a", "outputs": {}}],
        configuration=SimpleNamespace(values=lambda: values),
    )
    done = []

    with alarms.quiet(stack, "restore"):
        done.append("restored")

    assert done == ["restored"]
    assert f"Warning: {warning}. " in capsys.readouterr().err


@pytest.mark.parametrize("command", ["alarms", "silence"])
def test_alarms_without_an_address_are_an_error_with_the_way_out(command: str) -> None:
    stack: Any = SimpleNamespace(name="dev", resources=list)
    arguments = argparse.Namespace(command=command, duration="2h", json=False)

    with pytest.raises(
        StackError, match=r"no alarms\. .*auth:alertEmails, then: make up STACK=dev"
    ):
        alarms.run(stack, arguments)
