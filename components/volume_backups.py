"""Oracle's own backups of the data volume, by a schedule."""

import pulumi
from pulumi_oci import core

from components.labels import display_name

_DAY = 24 * 3600


def scheduled_backups(
    name: str, parent: pulumi.Resource, *, compartment_id: str, volume: core.Volume
) -> None:
    """Back the volume up each day and each week, in the volume's region.

    Three daily backups and a weekly backup are kept. With one that is made while the oldest of
    its kind goes, these are five at most: Oracle's Always Free has five. The backups are those of
    a lost power: file system and database repair themselves on them. They stay after the volume's
    deletion, until they expire.
    Source: https://docs.oracle.com/en-us/iaas/Content/Block/Tasks/schedulingvolumebackups.htm
    """
    policy = core.VolumeBackupPolicy(
        f"{name}-data-backups",
        compartment_id=compartment_id,
        display_name=display_name(f"{name}-data"),
        schedules=[
            _schedule("ONE_DAY", days=3, hour=2),
            # an hour later than the daily backup: they never wait for each other
            _schedule("ONE_WEEK", days=7, hour=3, day_of_week="SUNDAY"),
        ],
        opts=pulumi.ResourceOptions(parent=parent),
    )
    core.VolumeBackupPolicyAssignment(
        f"{name}-data-backups-assignment",
        asset_id=volume.id,
        policy_id=policy.id,
        # a volume has a single assignment, and a second would end the first in silence
        opts=pulumi.ResourceOptions(parent=parent, delete_before_replace=True),
    )


def _schedule(
    period: str, *, days: int, hour: int, day_of_week: str | None = None
) -> core.VolumeBackupPolicyScheduleArgs:
    return core.VolumeBackupPolicyScheduleArgs(
        backup_type="INCREMENTAL",
        period=period,
        retention_seconds=days * _DAY,
        offset_type="STRUCTURED",
        offset_seconds=0,  # Oracle answers it in any case
        hour_of_day=hour,
        day_of_week=day_of_week,
        time_zone="UTC",
    )
