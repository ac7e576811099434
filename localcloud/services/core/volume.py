"""Block volumes: data that outlives the instance it is attached to."""

import logging
from typing import Any, ClassVar, Literal

from pydantic import Field

from localcloud import resources
from localcloud.api import errors
from localcloud.api.operation import creates, deletes, lists, reads, updates
from localcloud.cloud import Cloud
from localcloud.resources import CreateDetails, NameAndTags, Tagged
from localcloud.service import ResourceType
from localcloud.services.core.filters import IN_DOMAIN
from localcloud.services.identity.availability_domain import DOMAINS
from localcloud.services.work_requests import moves

MOST_GBS = 32768

log = logging.getLogger(__name__)


class Volume(Tagged):
    """A block volume; sizes are in GB and in MB."""

    kind: ClassVar[str] = "volume"
    title: ClassVar[str] = "Volume"
    availability_domain: str
    size_in_gbs: int
    size_in_mbs: int
    vpus_per_gb: int
    system_tags: dict[str, dict[str, Any]] = Field(default_factory=dict)
    is_hydrated: bool = True
    is_auto_tune_enabled: bool = False


class CreateVolumeDetails(CreateDetails):
    """The request for a volume: size in GB, speed in VPUs per GB."""

    availability_domain: str
    size_in_gbs: int = Field(default=1024, ge=50, le=MOST_GBS)
    vpus_per_gb: int = Field(default=10, ge=0, le=120, multiple_of=10)
    is_auto_tune_enabled: Literal[False] | None = None


class UpdateVolumeDetails(NameAndTags):
    """The update of a volume; the size in GB can only grow."""

    size_in_gbs: int | None = Field(default=None, le=MOST_GBS)
    vpus_per_gb: int | None = Field(default=None, ge=0, le=120, multiple_of=10)
    is_auto_tune_enabled: Literal[False] | None = None


def create(cloud: Cloud, details: CreateVolumeDetails) -> Volume:
    """Create a volume; its file is made afterwards."""
    if details.availability_domain not in DOMAINS:
        raise errors.invalid_parameter(
            f"availabilityDomain '{details.availability_domain}' is none of {', '.join(DOMAINS)}."
        )
    return cloud.store.put(
        Volume(
            **details.common(cloud, Volume),
            lifecycle_state="PROVISIONING",
            availability_domain=details.availability_domain,
            size_in_gbs=details.size_in_gbs,
            size_in_mbs=details.size_in_gbs * 1024,
            vpus_per_gb=details.vpus_per_gb,
        )
    )


def update(cloud: Cloud, volume: Volume, details: UpdateVolumeDetails) -> Volume:
    """Change a volume; it is PROVISIONING while it grows, attached or not."""
    _refuse_unless_available(volume)
    updated = resources.update(cloud, volume, details)
    if updated.size_in_gbs == volume.size_in_gbs:
        return updated
    check_growth(volume.size_in_gbs, updated.size_in_gbs)
    return cloud.store.put(
        updated.changed(size_in_mbs=updated.size_in_gbs * 1024, lifecycle_state="PROVISIONING")
    )


def check_growth(size_in_gbs: int, wanted_size_in_gbs: int) -> None:
    """Refuse to cut a volume or boot volume: its end may hold data."""
    if wanted_size_in_gbs < size_in_gbs:
        raise errors.invalid_parameter(
            f"sizeInGBs is {wanted_size_in_gbs}, but a volume can only grow: the size to resize it "
            f"to has to be larger than the current size, {size_in_gbs} GB."
        )


def delete(cloud: Cloud, volume: Volume) -> None:
    """Delete a volume; raises 409 while it is attached."""
    _refuse_unless_available(volume)
    for kind, ocid, state in cloud.store.mentions(volume.id):
        if kind == "volumeattachment" and state != "DETACHED":
            raise errors.conflict(
                f"The volume {volume.id} is attached ({ocid}). Detach it before deleting it."
            )
    cloud.store.put(volume.changed(lifecycle_state="TERMINATING"))


def _refuse_unless_available(volume: Volume) -> None:
    if volume.lifecycle_state != "AVAILABLE":
        raise errors.incorrect_state(f"The volume {volume.id} is {volume.lifecycle_state}.")


def _resize(cloud: Cloud, volume: Volume) -> None:
    """Make the file of a new volume, or grow it."""
    try:
        cloud.machines.size_volume(volume.id, volume.size_in_gbs)
    except Exception:
        log.exception("Volume %s could not be made %s GB big", volume.id, volume.size_in_gbs)
        resources.arrive(cloud, volume, "FAULTY")
    else:
        resources.arrive(cloud, volume, "AVAILABLE")


def _remove(cloud: Cloud, volume: Volume) -> None:
    """Delete the file of a volume, and the assignment of its backup policy."""
    cloud.machines.delete_volume(volume.id)
    for kind, ocid, _ in cloud.store.mentions(volume.id):
        if kind == "volumebackuppolicyassignment":
            cloud.store.remove(ocid)
    resources.arrive(cloud, volume, "TERMINATED")


RESOURCE_TYPE = ResourceType(
    resource=Volume,
    operations=(
        creates("CreateVolume", "/volumes", Volume, CreateVolumeDetails, create),
        lists("ListVolumes", "/volumes", Volume, (*IN_DOMAIN, "displayName", "lifecycleState")),
        reads("GetVolume", "/volumes/{volumeId}", Volume),
        updates("UpdateVolume", "/volumes/{volumeId}", Volume, UpdateVolumeDetails, update),
        moves("ChangeVolumeCompartment", "/volumes/{volumeId}", Volume),
        deletes("DeleteVolume", "/volumes/{volumeId}", Volume, delete),
    ),
    steps={"PROVISIONING": _resize, "TERMINATING": _remove},
    limits="""
        - A volume grows while it is attached, and never shrinks. As on Oracle Cloud, its
          machine sees the new size after a rescan, `echo 1 >
          /sys/class/block/DEVICE/device/rescan`. The kernel lets a mounted ext4 grow only with
          CAP_SYS_RESOURCE; a machine has it unless this computer withholds it from root.
    """,
)
