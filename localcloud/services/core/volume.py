"""Block volumes: data that outlives the instance it is attached to."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from localcloud import ocids
from localcloud.api import errors
from localcloud.cloud import Cloud
from localcloud.services import resources as resource
from localcloud.services.core.catalogue import DOMAINS
from localcloud.services.resources import CreateDetails, NameAndTags, Tagged

MOST_GBS = 32768


class Volume(Tagged):
    kind: ClassVar[str] = "volume"
    availability_domain: str
    size_in_gbs: int
    size_in_mbs: int
    vpus_per_gb: int
    system_tags: dict[str, dict[str, Any]] = Field(default_factory=dict)
    is_hydrated: bool = True
    is_auto_tune_enabled: bool = False


class CreateVolumeDetails(CreateDetails):
    availability_domain: str
    size_in_gbs: int = Field(default=1024, ge=50, le=MOST_GBS)
    vpus_per_gb: int = Field(default=10, ge=0, le=120, multiple_of=10)
    is_auto_tune_enabled: Literal[False] | None = None


class UpdateVolumeDetails(NameAndTags):
    size_in_gbs: int | None = Field(default=None, le=MOST_GBS)
    vpus_per_gb: int | None = Field(default=None, ge=0, le=120, multiple_of=10)
    is_auto_tune_enabled: Literal[False] | None = None


def create(cloud: Cloud, wish: CreateVolumeDetails) -> Volume:
    if wish.availability_domain not in DOMAINS:
        raise errors.invalid_parameter(
            f"availabilityDomain '{wish.availability_domain}' is none of {', '.join(DOMAINS)}."
        )
    return cloud.store.put(
        Volume(
            **wish.common(cloud, "volume"),
            id=ocids.mint("volume"),
            lifecycle_state="PROVISIONING",
            availability_domain=wish.availability_domain,
            size_in_gbs=wish.size_in_gbs,
            size_in_mbs=wish.size_in_gbs * 1024,
            vpus_per_gb=wish.vpus_per_gb,
        )
    )


def update(cloud: Cloud, volume: Volume, wish: UpdateVolumeDetails) -> Volume:
    """Change a volume; a bigger one is PROVISIONING until it has grown, attached or not."""
    _refuse_unless_available(volume)
    updated = resource.update(cloud, volume, wish)
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
