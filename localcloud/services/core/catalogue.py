"""The catalogue of a region: shapes and images, which no request creates."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import AwareDatetime

from localcloud import host, ocids
from localcloud.api import errors
from localcloud.api.operation import Call, Operation, Reply, describe, lists
from localcloud.api.wire import Details, Resource
from localcloud.service import ResourceType
from localcloud.services.identity.availability_domain import DOMAINS

_RELEASES = ("2026.08.21-0", "2026.09.18-0")
_MEMORY_PER_OCPU_IN_GBS = (1, 64)


class OcpuRange(Details):
    """The OCPUs that a flexible shape allows."""

    min: float
    max: float


class MemoryRange(Details):
    """The memory, in GB, that a flexible shape allows."""

    min_in_gbs: float = 1
    max_in_gbs: float
    default_per_ocpu_in_gbs: float
    min_per_ocpu_in_gbs: float = _MEMORY_PER_OCPU_IN_GBS[0]
    max_per_ocpu_in_gbs: float = _MEMORY_PER_OCPU_IN_GBS[1]


class Shape(Resource):
    """A size of instances; `architecture` is Docker's name of it."""

    kind: ClassVar[str] = "shape"
    title: ClassVar[str] = "Shape"
    hidden: ClassVar[frozenset[str]] = frozenset({"architecture", "vcpus_per_ocpu"})
    shape: str
    processor_description: str
    ocpus: float
    memory_in_gbs: float
    is_flexible: bool
    ocpu_options: OcpuRange | None = None
    memory_options: MemoryRange | None = None
    networking_bandwidth_in_gbps: float = 1
    max_vnic_attachments: int = 2
    gpus: int = 0
    local_disks: int = 0
    architecture: str
    vcpus_per_ocpu: int = 2


class LaunchOptions(Details):
    """The virtual hardware of an image or instance."""

    boot_volume_type: str = "PARAVIRTUALIZED"
    firmware: str = "UEFI_64"
    network_type: str = "PARAVIRTUALIZED"
    remote_data_volume_type: str = "PARAVIRTUALIZED"
    is_pv_encryption_in_transit_enabled: bool = True
    is_consistent_volume_naming_enabled: bool = True


class Image(Resource):
    """A platform image, from which instances boot."""

    kind: ClassVar[str] = "image"
    title: ClassVar[str] = "Image"
    hidden: ClassVar[frozenset[str]] = frozenset({"architecture"})
    id: str
    display_name: str
    operating_system: str = "Canonical Ubuntu"
    operating_system_version: str = "24.04"
    lifecycle_state: str = "AVAILABLE"
    launch_mode: str = "NATIVE"
    launch_options: LaunchOptions = LaunchOptions()
    create_image_allowed: bool = True
    size_in_mbs: int = 47694
    billable_size_in_gbs: int = 2
    time_created: AwareDatetime
    architecture: str

    @property
    def boot_volume_size_in_gbs(self) -> int:
        """The size of the image's disk in GB, rounded up."""
        return -(-self.size_in_mbs // 1024)


SHAPES = (
    Shape(
        shape="VM.Standard.E4.Flex",
        processor_description="2.55 GHz AMD EPYC™ 7J13 (Milan)",
        ocpus=1,
        memory_in_gbs=16,
        is_flexible=True,
        ocpu_options=OcpuRange(min=1, max=64),
        memory_options=MemoryRange(max_in_gbs=1024, default_per_ocpu_in_gbs=16),
        architecture="amd64",
    ),
    Shape(
        shape="VM.Standard.E5.Flex",
        processor_description="2.4 GHz AMD EPYC™ 9J14 (Genoa)",
        ocpus=1,
        memory_in_gbs=12,
        is_flexible=True,
        ocpu_options=OcpuRange(min=1, max=94),
        memory_options=MemoryRange(max_in_gbs=1049, default_per_ocpu_in_gbs=12),
        architecture="amd64",
    ),
    Shape(
        shape="VM.Standard.E2.1.Micro",
        processor_description="2.0 GHz AMD EPYC™ 7551 (Naples)",
        ocpus=1,
        memory_in_gbs=1,
        is_flexible=False,
        architecture="amd64",
    ),
    Shape(
        shape="VM.Standard.A1.Flex",
        processor_description="3.0 GHz Ampere® Altra™",
        ocpus=1,
        memory_in_gbs=6,
        is_flexible=True,
        ocpu_options=OcpuRange(min=1, max=80),
        memory_options=MemoryRange(max_in_gbs=512, default_per_ocpu_in_gbs=6),
        architecture="arm64",
        vcpus_per_ocpu=1,
    ),
    Shape(
        shape="VM.Standard.A2.Flex",
        processor_description="3.0 GHz AmpereOne®",
        ocpus=1,
        memory_in_gbs=6,
        is_flexible=True,
        ocpu_options=OcpuRange(min=1, max=78),
        memory_options=MemoryRange(max_in_gbs=946, default_per_ocpu_in_gbs=6),
        architecture="arm64",
    ),
)


def images() -> Sequence[Image]:
    """Return the platform images, newest first, for this machine's architecture alone.

    A machine runs on this computer's own processor, so no other image could boot.
    """
    architecture = host.architecture()
    infix = "-aarch64" if architecture == "arm64" else ""
    return [
        _image(f"Canonical-Ubuntu-24.04{infix}-{release}", release, architecture)
        for release in reversed(_RELEASES)
    ]


def _image(name: str, release: str, architecture: str) -> Image:
    published = datetime.strptime(release.partition("-")[0], "%Y.%m.%d").replace(tzinfo=UTC)
    return Image(
        id=ocids.derived("image", name),
        display_name=name,
        time_created=published,
        architecture=architecture,
    )


def _bootable_images(call: Call) -> Sequence[Image]:
    """List the images; with the parameter `shape`, only images that the shape can boot."""
    shape = call.query.get("shape")
    architectures = {s.architecture for s in SHAPES if shape in {None, s.shape}}
    return [image for image in images() if image.architecture in architectures]


def _get_image(call: Call) -> Reply:
    for image in images():
        if image.id == call.target:
            return describe(image)
    raise errors.not_found()


def _usable_shapes(call: Call) -> Sequence[Shape]:
    """List the shapes; with the parameter `imageId`, only shapes that can boot the image."""
    domain, image_id = call.query.get("availabilityDomain"), call.query.get("imageId")
    if domain not in {None, *DOMAINS}:
        raise errors.invalid_parameter(f"availabilityDomain '{domain}' does not exist.")
    architectures = {image.architecture for image in images() if image_id in {None, image.id}}
    return [s for s in SHAPES if image_id is None or s.architecture in architectures]


RESOURCE_TYPE = ResourceType(
    resource=Image,
    operations=(
        lists(
            "ListImages",
            "/images",
            Image,
            ("operatingSystem", "operatingSystemVersion", "displayName", "lifecycleState"),
            required=("compartmentId",),
            find=_bootable_images,
            also=("shape",),
        ),
        Operation(name="GetImage", method="GET", path="/images/{imageId}", answer=_get_image),
        lists(
            "ListShapes",
            "/shapes",
            Shape,
            ("shape",),
            find=_usable_shapes,
            also=("availabilityDomain", "imageId"),
        ),
    ),
    limits="""
        - Only images of this computer's own architecture exist; a launch with a shape of
          another architecture is answered "Out of host capacity."
    """,
)
