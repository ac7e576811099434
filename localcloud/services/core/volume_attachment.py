"""Volume attachments: a block volume as a disk of an instance."""

import logging
from typing import ClassVar, Literal

from pydantic import Field

from localcloud import ocids, resources
from localcloud.api import errors
from localcloud.api.operation import creates, deletes, lists, reads
from localcloud.api.wire import Details
from localcloud.cloud import Cloud
from localcloud.resources import StandardResource
from localcloud.service import ResourceType
from localcloud.services.core.filters import IN_DOMAIN
from localcloud.services.core.instance import Instance
from localcloud.services.core.volume import Volume

# OCI's images link attached disks to these names, beside the kernel's; `a` is the boot disk.
_DEVICES = tuple(f"/dev/oracleoci/oraclevd{letter}" for letter in "bcdefghijklmnopqrstuvwxyz")

log = logging.getLogger(__name__)


class VolumeAttachment(StandardResource):
    """The tie between an instance and a volume."""

    kind: ClassVar[str] = "volumeattachment"
    title: ClassVar[str] = "Volume Attachment"
    attachment_type: Literal["paravirtualized"] = "paravirtualized"
    availability_domain: str
    instance_id: str
    volume_id: str
    device: str
    is_read_only: bool = False
    is_shareable: bool = False
    is_multipath: bool = False
    is_volume_created_during_launch: bool = False
    is_pv_encryption_in_transit_enabled: bool


class AttachVolumeDetails(Details):
    """The request for an attachment."""

    type: Literal["paravirtualized", "iscsi", "emulated"]
    instance_id: str
    volume_id: str
    device: str | None = None
    display_name: str | None = Field(default=None, min_length=1, max_length=255)
    is_read_only: Literal[False] | None = None
    is_shareable: Literal[False] | None = None
    is_pv_encryption_in_transit_enabled: bool = False


def attach(cloud: Cloud, details: AttachVolumeDetails) -> VolumeAttachment:
    """Attach a volume to a running instance; raises 409 for a volume or device in use."""
    if details.type != "paravirtualized":
        raise errors.not_implemented(f"volume attachments of type '{details.type}'")
    instance = cloud.store.related(Instance, "instanceId", details.instance_id)
    volume = cloud.store.related(Volume, "volumeId", details.volume_id)
    _check_states(instance, volume)
    for attachment in _current(cloud):
        if attachment.volume_id == volume.id:
            raise errors.conflict(
                f"The volume {volume.id} is already attached to instance {attachment.instance_id}."
            )
    now = cloud.now()
    return cloud.store.put(
        VolumeAttachment(
            id=ocids.mint("volumeattachment"),
            compartment_id=instance.compartment_id,
            display_name=details.display_name or f"volumeattachment{now:%Y%m%d%H%M%S}",
            time_created=now,
            lifecycle_state="ATTACHING",
            availability_domain=instance.availability_domain,
            instance_id=instance.id,
            volume_id=volume.id,
            device=_device(cloud, instance, details.device),
            is_pv_encryption_in_transit_enabled=details.is_pv_encryption_in_transit_enabled,
        )
    )


def detach(cloud: Cloud, attachment: VolumeAttachment) -> None:
    """Detach a volume; raises 409 unless it is attached."""
    if attachment.lifecycle_state != "ATTACHED":
        raise errors.incorrect_state(
            f"The volume attachment {attachment.id} is {attachment.lifecycle_state}."
        )
    cloud.store.put(attachment.changed(lifecycle_state="DETACHING"))


def of_instance(cloud: Cloud, instance_id: str) -> list[VolumeAttachment]:
    """Return the present attachments of an instance."""
    return [a for a in _current(cloud) if a.instance_id == instance_id]


def _current(cloud: Cloud) -> list[VolumeAttachment]:
    every = cloud.store.find(VolumeAttachment)
    return [attachment for attachment in every if attachment.lifecycle_state != "DETACHED"]


def _check_states(instance: Instance, volume: Volume) -> None:
    if instance.lifecycle_state != "RUNNING":
        raise errors.incorrect_state(
            f"The instance {instance.id} is {instance.lifecycle_state}; only a RUNNING "
            "instance takes a volume."
        )
    if volume.lifecycle_state != "AVAILABLE":
        raise errors.incorrect_state(f"The volume {volume.id} is {volume.lifecycle_state}.")
    if volume.availability_domain != instance.availability_domain:
        raise errors.invalid_parameter(
            f"The volume is in {volume.availability_domain}, but the instance in "
            f"{instance.availability_domain}."
        )


def _device(cloud: Cloud, instance: Instance, requested: str | None) -> str:
    used = {attachment.device for attachment in of_instance(cloud, instance.id)}
    if requested is None:
        free = [device for device in _DEVICES if device not in used]
        if not free:
            raise errors.limit_exceeded("volume-attachments-per-instance-count")
        return free[0]
    if requested not in _DEVICES:
        raise errors.invalid_parameter(
            f"device '{requested}' is not a consistent device path: use {_DEVICES[0]} to "
            f"{_DEVICES[-1]}."
        )
    if requested in used:
        raise errors.conflict(
            f"The device {requested} of instance {instance.id} is already in use."
        )
    return requested


def _connect(cloud: Cloud, attachment: VolumeAttachment) -> None:
    try:
        cloud.machines.attach_volume(
            attachment.instance_id, attachment.volume_id, attachment.device
        )
    except Exception:
        log.exception("Volume attachment %s failed", attachment.id)
        resources.arrive(cloud, attachment, "DETACHED")
    else:
        resources.arrive(cloud, attachment, "ATTACHED")


def _disconnect(cloud: Cloud, attachment: VolumeAttachment) -> None:
    cloud.machines.detach_volume(attachment.instance_id, attachment.volume_id)
    resources.arrive(cloud, attachment, "DETACHED")


RESOURCE_TYPE = ResourceType(
    resource=VolumeAttachment,
    operations=(
        creates(
            "AttachVolume", "/volumeAttachments", VolumeAttachment, AttachVolumeDetails, attach
        ),
        lists(
            "ListVolumeAttachments",
            "/volumeAttachments",
            VolumeAttachment,
            (*IN_DOMAIN, "instanceId", "volumeId"),
        ),
        reads("GetVolumeAttachment", "/volumeAttachments/{volumeAttachmentId}", VolumeAttachment),
        deletes(
            "DetachVolume", "/volumeAttachments/{volumeAttachmentId}", VolumeAttachment, detach
        ),
    ),
    steps={"ATTACHING": _connect, "DETACHING": _disconnect},
    limits="""
        - iSCSI attachments are refused.
    """,
)
