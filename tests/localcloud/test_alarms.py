"""Metrics and alarms, through Oracle's own client, and their messages in the mailbox."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import oci
import pytest
from oci.monitoring import models

from localcloud.services.monitoring.alarm import EVALUATION_SECONDS
from tests.localcloud.caller import Caller, eventually, refused
from tests.localcloud.notifications import confirm, mails, topic_with

SECONDS = 5 * EVALUATION_SECONDS  # the condition must hold in a row of evaluations


@pytest.fixture(name="monitoring")
def _monitoring(caller: Caller) -> Any:
    return caller.client(oci.monitoring.MonitoringClient)


def post(
    client: Any, caller: Caller, value: float, *, name: str, namespace: str = "auth", age: int = 0
) -> Any:
    point = models.Datapoint(timestamp=datetime.now(UTC) - timedelta(seconds=age), value=value)
    data = models.MetricDataDetails(
        namespace=namespace,
        compartment_id=caller.compartment,
        name=name,
        dimensions={"stack": "test"},
        datapoints=[point],
    )
    details = models.PostMetricDataDetails(metric_data=[data])
    return client.post_metric_data(details).data


def summary(client: Any, caller: Caller, query: str) -> list[float]:
    now = datetime.now(UTC)
    details = models.SummarizeMetricsDataDetails(
        namespace="auth", query=query, start_time=now - timedelta(minutes=1), end_time=now
    )
    streams = client.summarize_metrics_data(caller.compartment, details).data
    return [point.value for stream in streams for point in stream.aggregated_datapoints]


def alarm(caller: Caller, topic: str, query: str, **fields: Any) -> models.CreateAlarmDetails:
    return models.CreateAlarmDetails(
        **{
            "display_name": "auth-test",
            "compartment_id": caller.compartment,
            "metric_compartment_id": caller.compartment,
            "namespace": "auth",
            "query": query,
            "severity": "CRITICAL",
            "destinations": [topic],
            "is_enabled": True,
            "body": "See docs/runbook.md.",
            "message_format": "ONS_OPTIMIZED",
            "pending_duration": "PT1M",
            **fields,
        }
    )


@pytest.fixture(name="topic")
def _topic(caller: Caller) -> str:
    topic, _ = topic_with(caller, "any@example.test")
    return topic


Status = Callable[[], str]


@pytest.fixture(name="create")
def _create(monitoring: Any) -> Iterator[Callable[[Any], str]]:
    made: list[str] = []

    def create(details: Any) -> str:
        made.append(monitoring.create_alarm(details).data.id)
        return made[-1]

    yield create
    for each in made:
        monitoring.delete_alarm(each)


def status(monitoring: Any, caller: Caller, identity: str) -> str:
    listed = monitoring.list_alarms_status(caller.compartment).data
    return str(next(each.status for each in listed if each.id == identity))


def test_a_summary_has_the_statistics_of_the_posted_points(monitoring: Any, caller: Caller) -> None:
    for value in (2.0, 4.0):
        assert post(monitoring, caller, value, name="load", age=2).failed_metrics_count == 0

    for statistic, expected in {"mean": 3, "sum": 6, "min": 2, "max": 4, "count": 2}.items():
        assert summary(monitoring, caller, f"load[1m].{statistic}()") == [expected]
    assert summary(monitoring, caller, 'load[1m]{stack = "other"}.sum()') == []


def test_an_alarm_is_mailed_when_it_fires_and_when_it_is_over(
    monitoring: Any, caller: Caller, create: Callable[[Any], str]
) -> None:
    topic, _ = topic_with(caller, "night@example.test")
    confirm(caller, "night@example.test")
    identity = create(alarm(caller, topic, 'errors[1m]{stack = "test"}.mean() > 5'))
    # a point 40 s ago leaves the interval within 20 s
    post(monitoring, caller, 50, name="errors", age=5)

    eventually("the mail", lambda: len(mails(caller, "night@example.test")), 2, SECONDS)
    assert status(monitoring, caller, identity) == "FIRING"
    fired = mails(caller, "night@example.test")[-1]
    assert fired.subject == "[OK_TO_FIRING] auth-test"
    assert "See docs/runbook.md." in fired.text

    for _ in range(20):
        post(monitoring, caller, 0, name="errors")
    eventually("the all-clear", lambda: len(mails(caller, "night@example.test")), 3, SECONDS)
    assert mails(caller, "night@example.test")[-1].subject == "[FIRING_TO_OK] auth-test"
    assert status(monitoring, caller, identity) == "OK"


def test_a_metric_that_stops_is_absent_and_one_that_never_was_is_not(
    monitoring: Any, caller: Caller, topic: str, create: Callable[[Any], str]
) -> None:
    post(monitoring, caller, 1, name="reports", age=90)
    silent = create(alarm(caller, topic, "reports[1m].groupBy(stack).absent(1h)"))
    never = create(alarm(caller, topic, "neverPosted[1m].groupBy(stack).absent(1h)"))

    eventually("the alarm", lambda: status(monitoring, caller, silent), "FIRING", SECONDS)
    assert status(monitoring, caller, never) == "OK"


def test_a_suppressed_alarm_fires_without_a_mail(
    monitoring: Any, caller: Caller, create: Callable[[Any], str]
) -> None:
    topic, _ = topic_with(caller, "asleep@example.test")
    confirm(caller, "asleep@example.test")
    post(monitoring, caller, 9, name="planned", age=1)
    identity = create(alarm(caller, topic, "planned[5m].max() > 5"))
    now = datetime.now(UTC)
    suppression = monitoring.create_alarm_suppression(
        models.CreateAlarmSuppressionDetails(
            alarm_suppression_target=models.AlarmSuppressionAlarmTarget(alarm_id=identity),
            level="ALARM",
            display_name="planned work",
            time_suppress_from=now,
            time_suppress_until=now + timedelta(hours=1),
        )
    ).data
    eventually("the alarm", lambda: status(monitoring, caller, identity), "FIRING", SECONDS)
    assert len(mails(caller, "asleep@example.test")) == 1, "only the confirmation"

    listed = monitoring.list_alarm_suppressions(compartment_id=caller.compartment).data.items
    assert [each.id for each in listed] == [suppression.id]
    monitoring.delete_alarm_suppression(suppression.id)
    eventually("the mail", lambda: len(mails(caller, "asleep@example.test")), 2, SECONDS)


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("CpuUtilization[1m].rate() > 1", "rate()"),
        ("CpuUtilization[1m].percentile(0.9) > 1", "percentile()"),
        ('CpuUtilization[1m]{name =~ "a*"}.mean() > 1', '=~ "a*"'),
        ("CpuUtilization[1m].mean() in (1, 2)", "in (1, 2)"),
        ("CpuUtilization[1m].mean() / 2 > 1", "/ 2 > 1"),
        ("CpuUtilization[1s].mean() > 1", "'1s'"),
        ("CpuUtilization.mean() > 1", "metric[interval]"),
        ("CpuUtilization[1m].mean()", "no condition"),
    ],
)
def test_a_query_that_is_not_modelled_is_refused_by_its_part(
    monitoring: Any, caller: Caller, topic: str, query: str, part: str
) -> None:
    text = refused(400, "InvalidParameter", monitoring.create_alarm, alarm(caller, topic, query))
    assert part in text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("severity", "LOUD"),
        ("pending_duration", "PT90S"),
        ("is_notifications_per_metric_dimension_enabled", True),
    ],
)
def test_a_field_of_an_alarm_that_is_not_modelled_is_refused(
    monitoring: Any, caller: Caller, topic: str, field: str, value: Any
) -> None:
    details = alarm(caller, topic, "load[1m].mean() > 1", **{field: value})
    refused(400, "InvalidParameter", monitoring.create_alarm, details)


def test_points_of_oracle_of_yesterday_and_without_dimensions_are_refused(
    monitoring: Any, caller: Caller
) -> None:
    for options in ({"namespace": "oci_computeagent"}, {"age": 3 * 3600}, {"age": -900}):
        with pytest.raises(oci.exceptions.ServiceError) as caught:
            post(monitoring, caller, 1, name="load", **options)
        assert caught.value.status == 400


def test_the_reporter_may_post_metrics_of_its_namespace_and_nothing_else(caller: Caller) -> None:
    user = caller.account.reporter
    reporter = caller.client(
        oci.monitoring.MonitoringClient,
        user=user.ocid,
        fingerprint=user.fingerprint,
        key_file=str(user.private_key_file),
    )
    assert post(reporter, caller, 1, name="memoryPercent").failed_metrics_count == 0

    for call in (
        lambda: post(reporter, caller, 1, name="memoryPercent", namespace="other"),
        lambda: reporter.list_alarms(caller.compartment),
    ):
        refused(404, "NotAuthorizedOrNotFound", call)
