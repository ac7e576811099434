"""The rules of a launch: shapes, images and metadata, checked before anything is made."""

import base64
import binascii
import json

from localcloud import host
from localcloud.api import errors
from localcloud.api.wire import Details
from localcloud.services.core import catalogue
from localcloud.services.core.catalogue import Image, Shape

MOST_METADATA_BYTES = 32_000
_KEY_TYPES = frozenset(
    {
        "ssh-rsa",
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)


class InstanceShapeConfig(Details):
    """The size of an instance: OCPUs, memory in GB, bandwidth in Gbps."""

    ocpus: float
    vcpus: int
    memory_in_gbs: float
    processor_description: str
    networking_bandwidth_in_gbps: float
    max_vnic_attachments: int
    gpus: int = 0
    local_disks: int = 0


class LaunchShapeConfigDetails(Details):
    """The size that a request names; memory is in GB."""

    ocpus: float | None = None
    memory_in_gbs: float | None = None

    def completed(self, size: InstanceShapeConfig) -> "LaunchShapeConfigDetails":
        """Return the details with the parts of the present size that it leaves out."""
        return LaunchShapeConfigDetails(
            ocpus=self.ocpus or size.ocpus, memory_in_gbs=self.memory_in_gbs or size.memory_in_gbs
        )


def find_shape(name: str) -> Shape:
    """Return a shape that this region has and this machine's processor can carry."""
    shape = _known_shape(name)
    if shape.architecture != host.architecture():
        raise errors.out_of_host_capacity()
    return shape


def find_shape_to_change_to(name: str, image_id: str) -> Shape:
    """Return a shape that can carry the disk of an instance that exists."""
    shape = _known_shape(name)
    if shape.architecture != host.architecture():
        raise _not_valid_for_image(shape, image_id)
    return shape


def _known_shape(name: str) -> Shape:
    shape = next((shape for shape in catalogue.SHAPES if shape.shape == name), None)
    if shape is None:
        raise errors.not_found(f"shape {name} not found")
    return shape


def _not_valid_for_image(shape: Shape, image_id: str) -> errors.ApiError:
    return errors.invalid_parameter(f"Shape {shape.shape} is not valid for image {image_id}.")


def find_image(ocid: str, shape: Shape) -> Image:
    """Return the image; raises 400 if it is unknown, or if the shape can't boot it."""
    image = next((image for image in catalogue.images() if image.id == ocid), None)
    if image is None:
        raise errors.related_resource_not_found("imageId", ocid)
    if image.architecture != shape.architecture:
        raise _not_valid_for_image(shape, image.id)
    return image


def shape_config(shape: Shape, details: LaunchShapeConfigDetails | None) -> InstanceShapeConfig:
    """Return the size of an instance, from its shape and the request; raises 400 for a bad size."""
    if shape.ocpu_options is None or shape.memory_options is None:
        if details and (details.ocpus, details.memory_in_gbs) != (shape.ocpus, shape.memory_in_gbs):
            raise errors.invalid_parameter(
                f"Invalid ShapeConfig: {shape.shape} has a fixed size of {shape.ocpus:g} OCPU and "
                f"{shape.memory_in_gbs:g} GB."
            )
        return _config(shape, shape.ocpus, shape.memory_in_gbs)
    if details is None or details.ocpus is None:
        raise errors.invalid_parameter(
            "Invalid ShapeConfig: null (Cannot launch flexible instance without ShapeConfig)"
        )
    ocpus, limits = details.ocpus, shape.memory_options
    memory = details.memory_in_gbs or ocpus * limits.default_per_ocpu_in_gbs
    _check_between("ocpus", ocpus, shape.ocpu_options.min, shape.ocpu_options.max)
    _check_between(
        "memoryInGBs",
        memory,
        max(limits.min_in_gbs, ocpus * limits.min_per_ocpu_in_gbs),
        min(limits.max_in_gbs, ocpus * limits.max_per_ocpu_in_gbs),
    )
    return _config(shape, ocpus, memory)


def _check_between(field: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most or value != int(value):
        raise errors.invalid_parameter(
            f"Invalid ShapeConfig: {field} is {value:g}, but must be a whole number between "
            f"{least:g} and {most:g}."
        )


def _config(shape: Shape, ocpus: float, memory: float) -> InstanceShapeConfig:
    return InstanceShapeConfig(
        ocpus=ocpus,
        vcpus=int(ocpus * shape.vcpus_per_ocpu),
        memory_in_gbs=memory,
        processor_description=shape.processor_description,
        networking_bandwidth_in_gbps=ocpus * shape.networking_bandwidth_in_gbps,
        max_vnic_attachments=max(shape.max_vnic_attachments, int(ocpus)),
    )


def check_metadata(metadata: dict[str, str]) -> None:
    """Raise 400 for metadata over 32,000 bytes, an invalid SSH key, or user data not in Base64."""
    size = len(json.dumps(metadata).encode())
    if size > MOST_METADATA_BYTES:
        raise errors.invalid_parameter(
            f"metadata is {size} bytes long; the limit is {MOST_METADATA_BYTES} bytes."
        )
    for line in metadata.get("ssh_authorized_keys", "").split("\n"):
        key_type = line.split(" ", 1)[0]
        if line.strip() and not line.startswith("#") and key_type not in _KEY_TYPES:
            raise errors.invalid_parameter(f'Invalid ssh public key type "{key_type}"')
    try:
        base64.b64decode(metadata.get("user_data", ""), validate=True)
    except binascii.Error as error:
        raise errors.invalid_parameter(
            f"The 'user_data' metadata field is not Base64: {error}."
        ) from error
