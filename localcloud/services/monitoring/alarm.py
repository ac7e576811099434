"""Alarms: a query that is evaluated again and again, and a message to a topic for each change."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

from pydantic import AwareDatetime, Field

from localcloud import ocids, resources
from localcloud.api import errors
from localcloud.api.operation import Call, Operation, Reply, creates, deletes, lists, reads, updates
from localcloud.api.wire import Details
from localcloud.cloud import Cloud
from localcloud.resources import LifecycleResource, TagDetails, Tags
from localcloud.service import Recurring, ResourceType
from localcloud.services.monitoring import messages, mql
from localcloud.services.monitoring.suppression import AlarmSuppression
from localcloud.services.ons import delivery
from localcloud.services.ons.topic import NotificationTopic

EVALUATION_SECONDS = 10
SEVERITIES = ("CRITICAL", "ERROR", "WARNING", "INFO")
FORMATS = ("RAW", "PRETTY_JSON", "ONS_OPTIMIZED")
_PENDING = re.compile(r"PT(\d+)M")
_MOST_PENDING = 60


class Suppression(Details):
    """A time in which an alarm sends no messages."""

    description: str | None = None
    time_suppress_from: AwareDatetime
    time_suppress_until: AwareDatetime


class _Inputs(TagDetails):
    """The fields of a request for an alarm, all of them optional."""

    display_name: str | None = Field(default=None, min_length=1, max_length=255)
    metric_compartment_id: str | None = None
    metric_compartment_id_in_subtree: bool | None = None
    namespace: str | None = None
    query: str | None = None
    resolution: str | None = None
    pending_duration: str | None = None
    severity: str | None = None
    body: str | None = Field(default=None, max_length=1000)
    alarm_summary: str | None = None
    notification_title: str | None = None
    message_format: str | None = None
    is_notifications_per_metric_dimension_enabled: bool | None = None
    destinations: list[str] | None = Field(default=None, min_length=1, max_length=3)
    is_enabled: bool | None = None
    suppression: Suppression | None = None


class CreateAlarmDetails(_Inputs):
    """The request for an alarm."""

    compartment_id: str
    display_name: str = Field(min_length=1, max_length=255)
    metric_compartment_id: str
    namespace: str
    query: str
    severity: str
    destinations: list[str] = Field(min_length=1, max_length=3)
    is_enabled: bool


class UpdateAlarmDetails(_Inputs):
    """The update of an alarm."""

    compartment_id: str | None = None


class Alarm(LifecycleResource):
    """An alarm, with the result of its last evaluations in hidden fields."""

    kind: ClassVar[str] = "alarm"
    title: ClassVar[str] = "Alarm"
    needs_others: ClassVar[bool] = False  # a topic that it names may be deleted
    hidden: ClassVar[frozenset[str]] = frozenset({"status", "since", "true_for", "announced"})
    id: str
    display_name: str
    metric_compartment_id: str
    metric_compartment_id_in_subtree: bool = False
    namespace: str
    query: str
    resolution: str = "1m"
    pending_duration: str = "PT1M"
    severity: str
    body: str | None = None
    alarm_summary: str | None = None
    notification_title: str | None = None
    message_format: str = "RAW"
    is_notifications_per_metric_dimension_enabled: bool = False
    destinations: list[str]
    is_enabled: bool
    suppression: Suppression | None = None
    freeform_tags: Tags = Field(default_factory=dict)
    defined_tags: dict[str, dict[str, Any]] = Field(default_factory=dict)
    time_updated: AwareDatetime
    status: str = "OK"
    since: AwareDatetime | None = None  # of the status
    true_for: int = 0  # evaluations in a row in which the condition held
    announced: str = "OK"  # the status of the last message


def _create(cloud: Cloud, details: CreateAlarmDetails) -> Alarm:
    """Create an alarm; raises 400 for a query, a destination or a text that is not modelled."""
    resources.known_compartment(cloud, details.compartment_id)
    resources.known_compartment(cloud, details.metric_compartment_id)
    resources.refuse_defined_tags(details)
    _check(cloud, details)
    fields = {name: getattr(details, name) for name in type(details).model_fields}
    now = cloud.now()
    return cloud.store.put(
        Alarm(
            **{name: value for name, value in fields.items() if value is not None},
            id=ocids.mint(Alarm.kind),
            lifecycle_state="ACTIVE",
            time_created=now,
            time_updated=now,
        )
    )


def _update(cloud: Cloud, alarm: Alarm, details: UpdateAlarmDetails) -> Alarm:
    """Change an alarm; it is evaluated from the beginning if its query changes."""
    resources.refuse_defined_tags(details)
    _check(cloud, details)
    if details.compartment_id:
        resources.known_compartment(cloud, details.compartment_id)
    changed = alarm.updated(details).changed(time_updated=cloud.now())
    if changed.query != alarm.query:
        changed = changed.changed(true_for=0)
    return cloud.store.put(changed)


def _check(cloud: Cloud, details: _Inputs) -> None:
    if details.query is not None and not mql.parse(details.query).is_condition:
        raise errors.invalid_parameter(
            f"The query {details.query} has no condition: an alarm needs a comparison or absent()."
        )
    if details.severity is not None and details.severity not in SEVERITIES:
        raise errors.invalid_parameter(
            f"severity is {details.severity!r}; it must be one of {', '.join(SEVERITIES)}."
        )
    if details.message_format is not None and details.message_format not in FORMATS:
        raise errors.invalid_parameter(
            f"messageFormat is {details.message_format!r}; it must be one of {', '.join(FORMATS)}."
        )
    if details.pending_duration is not None:
        evaluations(details.pending_duration)
    if details.is_notifications_per_metric_dimension_enabled:
        raise errors.invalid_parameter(
            "isNotificationsPerMetricDimensionEnabled is not modelled by localcloud."
        )
    if details.resolution not in {None, "1m"}:
        raise errors.invalid_parameter("resolution must be 1m, as on Oracle Cloud.")
    for destination in details.destinations or ():
        cloud.store.related(NotificationTopic, "destinations", destination)


def evaluations(pending_duration: str) -> int:
    """Return the minutes of a pending duration; raise 400 unless it is from PT1M to PT60M."""
    match = _PENDING.fullmatch(pending_duration)
    if match is None or not 1 <= int(match[1]) <= _MOST_PENDING:
        raise errors.invalid_parameter(
            f"pendingDuration is {pending_duration!r}; it must be from PT1M to PT{_MOST_PENDING}M."
        )
    return int(match[1])


def evaluate(cloud: Cloud) -> None:
    """Evaluate all alarms, and announce each change of a status to the alarm's topics."""
    for alarm in cloud.store.find(Alarm):
        query = mql.parse(alarm.query)
        now = cloud.now()
        holds = alarm.is_enabled and _holds(cloud, alarm, query, now)
        with cloud.store.transaction():
            current = cloud.store.look_up(Alarm, alarm.id)
            if current is None or current.time_updated != alarm.time_updated:
                continue  # it changed meanwhile: the next evaluation is of its new form
            current = _after(current, now, holds=holds)
            announces = current.status != current.announced and not _suppressed(cloud, current, now)
            if announces:
                current = current.changed(announced=current.status)
            cloud.store.put(current)
        if announces and current.is_enabled:
            _announce(cloud, current, now)


def _holds(cloud: Cloud, alarm: Alarm, query: mql.Query, now: datetime) -> bool:
    moment = now.timestamp()
    points = cloud.points.between(
        alarm.metric_compartment_id,
        alarm.namespace,
        query.metric,
        moment - query.lookback,
        moment,
    )
    return any(query.holds(value) for value in query.values(points, moment).values())


def _after(alarm: Alarm, now: datetime, *, holds: bool) -> Alarm:
    """Return the alarm after an evaluation: it fires once its condition held long enough."""
    true_for = alarm.true_for + 1 if holds else 0
    fires = true_for > evaluations(alarm.pending_duration) or (holds and alarm.status == "FIRING")
    status = "FIRING" if fires else "OK"
    since = now if status != alarm.status else alarm.since
    return alarm.changed(true_for=true_for, status=status, since=since)


def _suppressed(cloud: Cloud, alarm: Alarm, now: datetime) -> bool:
    return any(begin <= now < end for begin, end in _silences(cloud, alarm))


def _silences(cloud: Cloud, alarm: Alarm) -> Iterator[tuple[datetime, datetime]]:
    if alarm.suppression:
        yield alarm.suppression.time_suppress_from, alarm.suppression.time_suppress_until
    for suppression in cloud.store.find(AlarmSuppression):
        if suppression.alarm_suppression_target.alarm_id == alarm.id:
            yield suppression.time_suppress_from, suppression.time_suppress_until


def _announce(cloud: Cloud, alarm: Alarm, now: datetime) -> None:
    title, body = messages.of(alarm.wire(), status=alarm.status, now=now)
    for topic in alarm.destinations:
        delivery.publish(cloud, topic, title=title, body=body)


def _statuses(call: Call) -> Reply:
    """List the alarms with the result of their last evaluation."""
    cloud = call.cloud
    if "compartmentId" not in call.query:
        raise errors.missing_parameter(["compartmentId"])
    resources.known_compartment(cloud, call.query["compartmentId"])
    return Reply(
        body=[
            {
                "id": alarm.id,
                "displayName": alarm.display_name,
                "severity": alarm.severity,
                "alarmSummary": alarm.alarm_summary or "",
                "timestampTriggered": (alarm.since or alarm.time_created).isoformat(),
                "status": alarm.status,
                "suppression": alarm.suppression.wire() if alarm.suppression else None,
            }
            for alarm in cloud.store.find(Alarm, compartment_id=call.query["compartmentId"])
            if alarm.is_enabled
        ]
    )


def _remove(cloud: Cloud, alarm: Alarm) -> None:
    """Delete an alarm with its suppressions."""
    own = [
        suppression.ocid
        for suppression in cloud.store.find(AlarmSuppression)
        if suppression.alarm_suppression_target.alarm_id == alarm.id
    ]
    resources.delete(cloud, alarm, own=own)


RESOURCE_TYPE = ResourceType(
    resource=Alarm,
    operations=(
        creates("CreateAlarm", "/alarms", Alarm, CreateAlarmDetails, _create),
        lists(
            "ListAlarms",
            "/alarms",
            Alarm,
            ("compartmentId", "displayName", "lifecycleState"),
            sort_keys=("DISPLAYNAME", "SEVERITY"),
        ),
        Operation(
            name="ListAlarmsStatus",
            method="GET",
            path="/alarms/status",
            answer=_statuses,
            queries=frozenset({"compartmentId", "limit"}),
        ),
        reads("GetAlarm", "/alarms/{alarmId}", Alarm),
        updates("UpdateAlarm", "/alarms/{alarmId}", Alarm, UpdateAlarmDetails, _update),
        deletes("DeleteAlarm", "/alarms/{alarmId}", Alarm, _remove),
    ),
    recurring=Recurring(seconds=EVALUATION_SECONDS, work=evaluate),
    limits="""
        - Alarms are evaluated every ten seconds; Oracle's, every minute. `pendingDuration` counts
          evaluations: `PT2M` is two more, so an alarm fires earlier than Oracle's.
        - A firing alarm is OK again at the first evaluation without its condition, or without data.
        - Repeated notifications, notifications by dimension, and overrides are refused.
    """,
)
