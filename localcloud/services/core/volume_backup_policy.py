"""Policies for backups of volumes: the schedules by which Oracle Cloud makes and deletes them."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from localcloud import resources
from localcloud.api import errors
from localcloud.api.operation import creates, deletes, lists, reads, updates
from localcloud.api.wire import Details, Resource
from localcloud.cloud import Cloud
from localcloud.resources import NameAndTags, Tags
from localcloud.service import ResourceType

Day = Literal["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
_HOUR = 3600


class VolumeBackupSchedule(Details):
    """When backups of a kind are made, and for how many seconds they are kept."""

    backup_type: Literal["FULL", "INCREMENTAL"]
    period: Literal["ONE_HOUR", "ONE_DAY", "ONE_WEEK", "ONE_MONTH", "ONE_YEAR"]
    retention_seconds: int = Field(ge=_HOUR)
    offset_type: Literal["STRUCTURED", "NUMERIC_SECONDS"] = "STRUCTURED"
    offset_seconds: int | None = None
    hour_of_day: int | None = Field(default=None, ge=0, le=23)
    day_of_week: Day | None = None
    day_of_month: int | None = Field(default=None, ge=1, le=28)
    month: str | None = None
    time_zone: Literal["UTC", "REGIONAL_DATA_CENTER_TIME"] = "UTC"


class VolumeBackupPolicy(Resource):
    """A policy of the tenancy's own; it has no states."""

    kind: ClassVar[str] = "volumebackuppolicy"
    title: ClassVar[str] = "Volume Backup Policy"
    id: str
    compartment_id: str
    display_name: str
    schedules: list[VolumeBackupSchedule]
    time_created: AwareDatetime
    freeform_tags: Tags = Field(default_factory=dict)


class CreateVolumeBackupPolicyDetails(resources.CreateDetails):
    """The request for a policy."""

    schedules: list[VolumeBackupSchedule] = Field(default_factory=list)


class UpdateVolumeBackupPolicyDetails(NameAndTags):
    """The update of a policy; schedules replace all schedules."""

    schedules: list[VolumeBackupSchedule] | None = None


def create(cloud: Cloud, details: CreateVolumeBackupPolicyDetails) -> VolumeBackupPolicy:
    """Create a policy, which is in force at once for the volumes that it is assigned to."""
    _check(details.schedules)
    return cloud.store.put(
        VolumeBackupPolicy(**details.common(cloud, VolumeBackupPolicy), schedules=details.schedules)
    )


def update(
    cloud: Cloud, policy: VolumeBackupPolicy, details: UpdateVolumeBackupPolicyDetails
) -> VolumeBackupPolicy:
    """Change name, tags or schedules."""
    _check(details.schedules or [])
    return resources.update(cloud, policy, details)


def _check(schedules: list[VolumeBackupSchedule]) -> None:
    for schedule in schedules:
        if schedule.period == "ONE_WEEK" and schedule.offset_type == "STRUCTURED":
            if schedule.day_of_week is None:
                raise errors.invalid_parameter(
                    "dayOfWeek is missing: a weekly schedule of offsetType STRUCTURED has a day."
                )
        elif schedule.day_of_week is not None:
            raise errors.invalid_parameter(
                f"dayOfWeek is {schedule.day_of_week}, but the period is {schedule.period}."
            )


RESOURCE_TYPE = ResourceType(
    resource=VolumeBackupPolicy,
    operations=(
        creates(
            "CreateVolumeBackupPolicy",
            "/volumeBackupPolicies",
            VolumeBackupPolicy,
            CreateVolumeBackupPolicyDetails,
            create,
        ),
        lists(
            "ListVolumeBackupPolicies",
            "/volumeBackupPolicies",
            VolumeBackupPolicy,
            ("compartmentId",),
        ),
        reads("GetVolumeBackupPolicy", "/volumeBackupPolicies/{policyId}", VolumeBackupPolicy),
        updates(
            "UpdateVolumeBackupPolicy",
            "/volumeBackupPolicies/{policyId}",
            VolumeBackupPolicy,
            UpdateVolumeBackupPolicyDetails,
            update,
        ),
        deletes(
            "DeleteVolumeBackupPolicy",
            "/volumeBackupPolicies/{policyId}",
            VolumeBackupPolicy,
            resources.delete,
        ),
    ),
    limits="""
        - A policy and its assignment to a volume are kept, but no backup is made by them: backups
          of volumes are not modelled. Oracle's own policies (bronze, silver, gold) are not listed.
    """,
)
