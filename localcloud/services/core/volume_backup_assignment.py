"""Assignments of a backup policy to a volume."""

from typing import ClassVar

from pydantic import AwareDatetime

from localcloud import ocids, resources
from localcloud.api.operation import Call, creates, deletes, lists, reads
from localcloud.api.wire import Details, Resource
from localcloud.cloud import Cloud
from localcloud.service import ResourceType
from localcloud.services.core.volume import Volume
from localcloud.services.core.volume_backup_policy import VolumeBackupPolicy


class VolumeBackupPolicyAssignment(Resource):
    """The policy of a volume."""

    kind: ClassVar[str] = "volumebackuppolicyassignment"
    title: ClassVar[str] = "Volume Backup Policy Assignment"
    id: str
    asset_id: str
    policy_id: str
    time_created: AwareDatetime


class CreateVolumeBackupPolicyAssignmentDetails(Details):
    """The request for an assignment."""

    asset_id: str
    policy_id: str


def create(
    cloud: Cloud, details: CreateVolumeBackupPolicyAssignmentDetails
) -> VolumeBackupPolicyAssignment:
    """Assign a policy to a volume; an earlier policy is unassigned in silence, as by Oracle.

    Source: https://docs.oracle.com/en-us/iaas/api/#/en/iaas/20160918/VolumeBackupPolicyAssignment/CreateVolumeBackupPolicyAssignment
    """
    cloud.store.related(Volume, "assetId", details.asset_id)
    cloud.store.related(VolumeBackupPolicy, "policyId", details.policy_id)
    for earlier in cloud.store.find(VolumeBackupPolicyAssignment, asset_id=details.asset_id):
        cloud.store.remove(earlier.id)
    return cloud.store.put(
        VolumeBackupPolicyAssignment(
            id=ocids.mint(VolumeBackupPolicyAssignment.kind),
            asset_id=details.asset_id,
            policy_id=details.policy_id,
            time_created=cloud.now(),
        )
    )


def _of_asset(call: Call) -> list[VolumeBackupPolicyAssignment]:
    return call.cloud.store.find(VolumeBackupPolicyAssignment, asset_id=call.query["assetId"])


RESOURCE_TYPE = ResourceType(
    resource=VolumeBackupPolicyAssignment,
    operations=(
        creates(
            "CreateVolumeBackupPolicyAssignment",
            "/volumeBackupPolicyAssignments",
            VolumeBackupPolicyAssignment,
            CreateVolumeBackupPolicyAssignmentDetails,
            create,
        ),
        lists(
            "GetVolumeBackupPolicyAssetAssignment",
            "/volumeBackupPolicyAssignments",
            VolumeBackupPolicyAssignment,
            (),
            required=("assetId",),
            find=_of_asset,
        ),
        reads(
            "GetVolumeBackupPolicyAssignment",
            "/volumeBackupPolicyAssignments/{policyAssignmentId}",
            VolumeBackupPolicyAssignment,
        ),
        deletes(
            "DeleteVolumeBackupPolicyAssignment",
            "/volumeBackupPolicyAssignments/{policyAssignmentId}",
            VolumeBackupPolicyAssignment,
            resources.delete,
        ),
    ),
)
