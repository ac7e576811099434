"""Operations of the Compute and Blockstorage services, and the one of Identity."""

from collections.abc import Sequence
from dataclasses import replace

from localcloud.api import errors
from localcloud.api.operation import (
    Call,
    Operation,
    Reply,
    creates,
    deletes,
    describe,
    lists,
    reads,
    updates,
)
from localcloud.api.wire import Record
from localcloud.services.core import (
    boot_volume,
    catalogue,
    instance,
    power,
    vnic,
    volume,
    volume_attachment,
)
from localcloud.services.work_requests import moves, tracked

_PLACE = ("compartmentId", "availabilityDomain")


def _availability_domains(call: Call) -> Sequence[Record]:
    return catalogue.availability_domains(call.cloud.account.tenancy)


def _images(call: Call) -> Sequence[Record]:
    """List what can be launched; `shape` keeps the images that this shape can boot."""
    shape = call.query.get("shape")
    able = {s.architecture for s in catalogue.SHAPES if shape in {None, s.shape}}
    return [image for image in catalogue.images() if image.architecture in able]


def _shapes(call: Call) -> Sequence[Record]:
    domain, image_id = call.query.get("availabilityDomain"), call.query.get("imageId")
    if domain not in {None, *catalogue.DOMAINS}:
        raise errors.invalid_parameter(f"availabilityDomain '{domain}' does not exist.")
    images = [image for image in catalogue.images() if image_id in {None, image.id}]
    able = {image.architecture for image in images}
    return [s for s in catalogue.SHAPES if image_id is None or s.architecture in able]


def _none(_: Call) -> Sequence[Record]:
    """List nothing: no volume has a backup policy."""
    return ()


def _get_image(call: Call) -> Reply:
    for image in catalogue.images():
        if image.id == call.path["imageId"]:
            return describe(image)
    raise errors.not_found()


def _instance_action(call: Call) -> Reply:
    with call.cloud.store.transaction():
        found = call.cloud.store.get(instance.Instance, call.path["instanceId"])
        changed = power.act(call.cloud, found, call.query.get("action", ""))
    return describe(changed)


def _terminate_instance(call: Call) -> Reply:
    if call.query.get("preserveBootVolume", "false") != "false":
        raise errors.not_implemented("keeping the boot volume of a terminated instance")
    return _terminate.answer(call)


_terminate = deletes(
    "TerminateInstance", "/instances/{instanceId}", instance.Instance, power.terminate
)

_IDENTITY = (
    lists(
        "ListAvailabilityDomains",
        "/availabilityDomains",
        catalogue.AvailabilityDomain,
        (),
        find=_availability_domains,
    ),
)

_COMPUTE = (
    lists(
        "ListImages",
        "/images",
        catalogue.Image,
        ("operatingSystem", "operatingSystemVersion", "displayName", "lifecycleState"),
        required=("compartmentId",),
        find=_images,
        also=("shape",),
    ),
    Operation(name="GetImage", method="GET", path="/images/{imageId}", answer=_get_image),
    lists(
        "ListShapes",
        "/shapes",
        catalogue.Shape,
        ("shape",),
        find=_shapes,
        also=("availabilityDomain", "imageId"),
    ),
    tracked(
        creates(
            "LaunchInstance",
            "/instances",
            instance.Instance,
            instance.LaunchInstanceDetails,
            instance.launch,
        ),
        instance.Instance,
        "CREATED",
    ),
    lists(
        "ListInstances",
        "/instances",
        instance.Instance,
        (*_PLACE, "displayName", "lifecycleState"),
    ),
    reads("GetInstance", "/instances/{instanceId}", instance.Instance),
    tracked(
        updates(
            "UpdateInstance",
            "/instances/{instanceId}",
            instance.Instance,
            instance.UpdateInstanceDetails,
            instance.update,
        ),
        instance.Instance,
        "UPDATED",
    ),
    moves("ChangeInstanceCompartment", "/instances/{instanceId}", instance.Instance, instance.move),
    Operation(
        name="InstanceAction",
        method="POST",
        path="/instances/{instanceId}",
        answer=_instance_action,
        queries=frozenset({"action"}),
    ),
    replace(
        _terminate,
        answer=_terminate_instance,
        queries=frozenset({"preserveBootVolume", "preserveDataVolumesCreatedAtLaunch"}),
    ),
    lists(
        "ListVnicAttachments",
        "/vnicAttachments",
        vnic.VnicAttachment,
        (*_PLACE, "instanceId", "vnicId"),
    ),
    reads("GetVnicAttachment", "/vnicAttachments/{vnicAttachmentId}", vnic.VnicAttachment),
)

_STORAGE = (
    lists(
        "ListBootVolumeAttachments",
        "/bootVolumeAttachments",
        boot_volume.BootVolumeAttachment,
        (*_PLACE, "instanceId", "bootVolumeId"),
        required=("availabilityDomain", "compartmentId"),
    ),
    reads(
        "GetBootVolumeAttachment",
        "/bootVolumeAttachments/{bootVolumeAttachmentId}",
        boot_volume.BootVolumeAttachment,
    ),
    reads("GetBootVolume", "/bootVolumes/{bootVolumeId}", boot_volume.BootVolume),
    updates(
        "UpdateBootVolume",
        "/bootVolumes/{bootVolumeId}",
        boot_volume.BootVolume,
        boot_volume.UpdateBootVolumeDetails,
        boot_volume.update,
    ),
    creates("CreateVolume", "/volumes", volume.Volume, volume.CreateVolumeDetails, volume.create),
    lists("ListVolumes", "/volumes", volume.Volume, (*_PLACE, "displayName", "lifecycleState")),
    reads("GetVolume", "/volumes/{volumeId}", volume.Volume),
    updates(
        "UpdateVolume",
        "/volumes/{volumeId}",
        volume.Volume,
        volume.UpdateVolumeDetails,
        volume.update,
    ),
    lists(
        "GetVolumeBackupPolicyAssetAssignment",
        "/volumeBackupPolicyAssignments",
        volume.Volume,
        (),
        required=("assetId",),
        find=_none,
    ),
    moves("ChangeVolumeCompartment", "/volumes/{volumeId}", volume.Volume),
    deletes("DeleteVolume", "/volumes/{volumeId}", volume.Volume, volume.delete),
    creates(
        "AttachVolume",
        "/volumeAttachments",
        volume_attachment.VolumeAttachment,
        volume_attachment.AttachVolumeDetails,
        volume_attachment.attach,
    ),
    lists(
        "ListVolumeAttachments",
        "/volumeAttachments",
        volume_attachment.VolumeAttachment,
        (*_PLACE, "instanceId", "volumeId"),
    ),
    reads(
        "GetVolumeAttachment",
        "/volumeAttachments/{volumeAttachmentId}",
        volume_attachment.VolumeAttachment,
    ),
    deletes(
        "DetachVolume",
        "/volumeAttachments/{volumeAttachmentId}",
        volume_attachment.VolumeAttachment,
        volume_attachment.detach,
    ),
)

OPERATIONS = (*_IDENTITY, *_COMPUTE, *_STORAGE)
