"""Boot volumes: the disk an instance is launched with. Here its bytes are the machine's own."""

from typing import Any, ClassVar, Literal

from pydantic import AwareDatetime, Field

from localcloud import ocids, resources
from localcloud.api import errors
from localcloud.api.operation import lists, reads, updates
from localcloud.cloud import Cloud
from localcloud.resources import NameAndTags, SettlingResource, StandardResource
from localcloud.service import ResourceType
from localcloud.services.core.filters import IN_DOMAIN
from localcloud.services.core.volume import MOST_GBS, check_growth


class BootVolume(SettlingResource):
    """The disk of an instance; sizes are in GB and in MB."""

    kind: ClassVar[str] = "bootvolume"
    title: ClassVar[str] = "Boot Volume"
    availability_domain: str
    image_id: str
    size_in_gbs: int
    size_in_mbs: int
    vpus_per_gb: int
    system_tags: dict[str, dict[str, Any]] = Field(default_factory=dict)
    is_hydrated: bool = True
    is_auto_tune_enabled: bool = False


class BootVolumeAttachment(StandardResource):
    """The tie between an instance and its boot volume, for the instance's whole life."""

    kind: ClassVar[str] = "bootvolumeattachment"
    title: ClassVar[str] = "Boot Volume Attachment"
    availability_domain: str
    boot_volume_id: str
    instance_id: str
    is_pv_encryption_in_transit_enabled: bool
    encryption_in_transit_type: Literal["NONE"] = "NONE"
    time_updated: AwareDatetime | None = None


class UpdateBootVolumeDetails(NameAndTags):
    """The update of a boot volume: name, tags, size in GB, and speed (VPUs per GB)."""

    size_in_gbs: int | None = Field(default=None, le=MOST_GBS)
    vpus_per_gb: int | None = Field(default=None, ge=10, le=120, multiple_of=10)
    is_auto_tune_enabled: Literal[False] | None = None


def attach(
    cloud: Cloud,
    *,
    instance_id: str,
    instance_name: str,
    image_id: str,
    size_in_gbs: int,
    vpus_per_gb: int,
    encrypted: bool,
    common: dict[str, Any],
) -> None:
    """Store the boot volume of a new instance, attached.

    `common` holds the compartment and availability domain of the instance.
    """
    now = cloud.now()
    name = f"{instance_name} (Boot Volume)"
    volume = cloud.store.put(
        BootVolume(
            **common,
            id=ocids.mint("bootvolume"),
            display_name=name,
            time_created=now,
            lifecycle_state="AVAILABLE",
            image_id=image_id,
            size_in_gbs=size_in_gbs,
            size_in_mbs=size_in_gbs * 1024,
            vpus_per_gb=vpus_per_gb,
        )
    )
    cloud.store.put(
        BootVolumeAttachment(
            **common,
            # The real service names a boot volume's attachment after the instance, too.
            id=instance_id.replace("ocid1.instance.", "ocid1.bootvolumeattachment."),
            display_name="Remote boot attachment for instance",
            time_created=now,
            lifecycle_state="ATTACHED",
            boot_volume_id=volume.id,
            instance_id=instance_id,
            is_pv_encryption_in_transit_enabled=encrypted,
        )
    )


def update(cloud: Cloud, volume: BootVolume, details: UpdateBootVolumeDetails) -> BootVolume:
    """Change a boot volume; raises 409 unless it is AVAILABLE, 400 for a smaller size."""
    if volume.lifecycle_state != "AVAILABLE":
        raise errors.incorrect_state(f"The boot volume {volume.id} is {volume.lifecycle_state}.")
    updated = resources.update(cloud, volume, details)
    if updated.size_in_gbs == volume.size_in_gbs:
        return updated
    check_growth(volume.size_in_gbs, updated.size_in_gbs)
    growing = updated.changed(
        size_in_mbs=updated.size_in_gbs * 1024, lifecycle_state="PROVISIONING"
    )
    return resources.settle(cloud, growing)


def detach(cloud: Cloud, instance_id: str) -> None:
    """End the disk with its instance."""
    for attachment in cloud.store.find(BootVolumeAttachment, instance_id=instance_id):
        volume = cloud.store.get(BootVolume, attachment.boot_volume_id)
        cloud.store.put(volume.changed(lifecycle_state="TERMINATED"))
        cloud.store.put(attachment.changed(lifecycle_state="DETACHED", time_updated=cloud.now()))


RESOURCE_TYPE = ResourceType(
    resource=BootVolume,
    operations=(
        lists(
            "ListBootVolumeAttachments",
            "/bootVolumeAttachments",
            BootVolumeAttachment,
            (*IN_DOMAIN, "instanceId", "bootVolumeId"),
            required=("availabilityDomain", "compartmentId"),
        ),
        reads(
            "GetBootVolumeAttachment",
            "/bootVolumeAttachments/{bootVolumeAttachmentId}",
            BootVolumeAttachment,
        ),
        reads("GetBootVolume", "/bootVolumes/{bootVolumeId}", BootVolume),
        updates(
            "UpdateBootVolume",
            "/bootVolumes/{bootVolumeId}",
            BootVolume,
            UpdateBootVolumeDetails,
            update,
        ),
    ),
    limits="""
        - A boot volume has no bytes of its own: they are the machine's, and end with it. So
          `preserveBootVolume=true` is refused, and only the number of a bigger size is kept.
    """,
)
