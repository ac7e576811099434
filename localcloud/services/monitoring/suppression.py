"""Suppressions of alarms: times in which an alarm is evaluated, and sends no messages."""

from dataclasses import replace
from typing import Any, ClassVar

from pydantic import AwareDatetime, Field

from localcloud import ocids, resources
from localcloud.api import errors
from localcloud.api.operation import Call, Reply, creates, deletes, lists, reads
from localcloud.api.wire import Details, of_kind
from localcloud.cloud import Cloud
from localcloud.resources import LifecycleResource, TagDetails, Tags
from localcloud.service import ResourceType


class AlarmSuppressionAlarmTarget(Details):
    """The alarm that is silent."""

    target_type: str
    alarm_id: str


class AlarmSuppression(LifecycleResource):
    """A suppression of an alarm for a time."""

    kind: ClassVar[str] = "alarmsuppression"
    title: ClassVar[str] = "Alarm Suppression"
    id: str
    alarm_suppression_target: AlarmSuppressionAlarmTarget
    level: str = "ALARM"
    display_name: str
    description: str | None = None
    time_suppress_from: AwareDatetime
    time_suppress_until: AwareDatetime
    dimensions: dict[str, str] = Field(default_factory=dict)
    freeform_tags: Tags = Field(default_factory=dict)
    defined_tags: dict[str, dict[str, Any]] = Field(default_factory=dict)
    time_updated: AwareDatetime


class CreateAlarmSuppressionDetails(TagDetails):
    """The request for a suppression."""

    alarm_suppression_target: AlarmSuppressionAlarmTarget
    level: str = "DIMENSION"
    display_name: str = Field(min_length=1, max_length=255)
    description: str | None = None
    time_suppress_from: AwareDatetime
    time_suppress_until: AwareDatetime


def _create(cloud: Cloud, details: CreateAlarmSuppressionDetails) -> AlarmSuppression:
    """Create a suppression of a whole alarm; raises 400 for any other."""
    resources.refuse_defined_tags(details)
    if details.level != "ALARM" or details.alarm_suppression_target.target_type != "ALARM":
        raise errors.invalid_parameter(
            "Only suppressions of the level ALARM with a target of the type ALARM are modelled."
        )
    if details.time_suppress_until <= details.time_suppress_from:
        raise errors.invalid_parameter("timeSuppressUntil must be after timeSuppressFrom.")
    target = details.alarm_suppression_target
    alarm: Any = cloud.store.related(
        of_kind("alarm"), "alarmSuppressionTarget.alarmId", target.alarm_id
    )
    now = cloud.now()
    return cloud.store.put(
        AlarmSuppression(
            id=ocids.mint(AlarmSuppression.kind),
            compartment_id=alarm.compartment_id,
            alarm_suppression_target=target,
            display_name=details.display_name,
            description=details.description,
            time_suppress_from=details.time_suppress_from,
            time_suppress_until=details.time_suppress_until,
            freeform_tags=details.freeform_tags or {},
            lifecycle_state="ACTIVE",
            time_created=now,
            time_updated=now,
        )
    )


_LISTED = lists(
    "ListAlarmSuppressions",
    "/alarmSuppressions",
    AlarmSuppression,
    ("compartmentId", "displayName", "lifecycleState"),
)


def _collected(call: Call) -> Reply:
    """Answer a list as an object with its items, as newer operations of Oracle's do."""
    reply = _LISTED.answer(call)
    return replace(reply, body={"items": reply.body})


RESOURCE_TYPE = ResourceType(
    resource=AlarmSuppression,
    operations=(
        creates(
            "CreateAlarmSuppression",
            "/alarmSuppressions",
            AlarmSuppression,
            CreateAlarmSuppressionDetails,
            _create,
        ),
        replace(_LISTED, answer=_collected),
        reads("GetAlarmSuppression", "/alarmSuppressions/{alarmSuppressionId}", AlarmSuppression),
        deletes(
            "DeleteAlarmSuppression",
            "/alarmSuppressions/{alarmSuppressionId}",
            AlarmSuppression,
            lambda cloud, suppression: cloud.store.remove(suppression.id),
        ),
    ),
)
