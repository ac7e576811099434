"""Policies for backups of volumes, and their assignments."""

from typing import Any

import pytest
from oci.core import models

from tests.localcloud.caller import Caller, eventually, refused

DAILY = models.VolumeBackupSchedule(
    backup_type="INCREMENTAL",
    period="ONE_DAY",
    retention_seconds=3 * 24 * 3600,
    offset_type="STRUCTURED",
    hour_of_day=2,
    time_zone="UTC",
)


@pytest.fixture(name="volume")
def _volume(caller: Caller) -> Any:
    details = models.CreateVolumeDetails(
        compartment_id=caller.compartment, availability_domain=caller.domains[0], size_in_gbs=50
    )
    made = caller.storage.create_volume(details).data
    eventually(
        "the volume",
        lambda: caller.storage.get_volume(made.id).data.lifecycle_state,
        "AVAILABLE",
    )
    return made


def policy(caller: Caller, *schedules: models.VolumeBackupSchedule) -> Any:
    details = models.CreateVolumeBackupPolicyDetails(
        compartment_id=caller.compartment, display_name="data", schedules=list(schedules)
    )
    return caller.storage.create_volume_backup_policy(details).data


def assign(caller: Caller, volume: Any, chosen: Any) -> Any:
    details = models.CreateVolumeBackupPolicyAssignmentDetails(
        asset_id=volume.id, policy_id=chosen.id
    )
    return caller.storage.create_volume_backup_policy_assignment(details).data


def assigned(caller: Caller, volume: Any) -> list[str]:
    listed = caller.storage.get_volume_backup_policy_asset_assignment(volume.id).data
    return [assignment.policy_id for assignment in listed]


def test_a_volume_has_a_single_policy_the_last(caller: Caller, volume: Any) -> None:
    first, second = policy(caller, DAILY), policy(caller)
    assign(caller, volume, first)
    assign(caller, volume, second)

    assert assigned(caller, volume) == [second.id]


def test_a_deleted_volume_ends_its_assignment_and_frees_the_policy(
    caller: Caller, volume: Any
) -> None:
    chosen = policy(caller, DAILY)
    assign(caller, volume, chosen)
    refused(409, "Conflict", caller.storage.delete_volume_backup_policy, chosen.id)

    caller.storage.delete_volume(volume.id)

    eventually("the assignments", lambda: assigned(caller, volume), [])
    caller.storage.delete_volume_backup_policy(chosen.id)


def test_a_weekly_schedule_without_a_day_is_refused(caller: Caller) -> None:
    weekly = models.VolumeBackupSchedule(
        backup_type="FULL", period="ONE_WEEK", retention_seconds=604800, offset_type="STRUCTURED"
    )

    assert "dayOfWeek" in refused(400, "InvalidParameter", policy, caller, weekly)
