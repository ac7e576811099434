"""The VM as it is ordered: its shape, its image, and what it knows at its first boot."""

import base64
import json
import re
from dataclasses import dataclass

import pulumi
from pulumi_oci import core, identity


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What the VM is made of. Sizes in GB."""

    shape: str
    ocpus: int
    memory_in_gbs: int
    image_ocid: str  # empty: the newest Ubuntu image when the VM is created
    ubuntu_version: str
    boot_volume_in_gbs: int
    data_volume_in_gbs: int

    @property
    def platform(self) -> str:
        """Docker's name for the shape's architecture: Ampere (A1, A2, A4) is arm64."""
        return "linux/arm64" if re.search(r"\.A\d", self.shape) else "linux/amd64"


def availability_domain(
    parent: pulumi.Resource, *, tenancy_id: str, index: int
) -> pulumi.Output[str]:
    """Look up the region's availability domain at `index`."""
    return identity.get_availability_domains_output(
        compartment_id=tenancy_id, opts=pulumi.InvokeOptions(parent=parent)
    ).availability_domains.apply(
        lambda domains: pick_domain([domain.name for domain in domains], index)
    )


def image(
    parent: pulumi.Resource, *, compartment_id: str, machine: Machine
) -> str | pulumi.Output[str]:
    """Give the named image, or look up the newest one that suits the shape."""
    if machine.image_ocid:
        return machine.image_ocid
    return core.get_images_output(
        compartment_id=compartment_id,
        operating_system="Canonical Ubuntu",
        operating_system_version=machine.ubuntu_version,
        shape=machine.shape,
        sort_by="TIMECREATED",
        sort_order="DESC",
        state="AVAILABLE",
        opts=pulumi.InvokeOptions(parent=parent),
    ).images.apply(
        lambda images: first_image(
            [image.id for image in images], version=machine.ubuntu_version, shape=machine.shape
        )
    )


def user_data(*, host_key: str, host_public_key: str) -> str:
    """Render the cloud-config that gives the VM its known host key, in base64.

    Nothing else belongs here: a changed byte replaces the VM. JSON is YAML, and sorted JSON has
    one rendering.
    """
    config = {
        "ssh_deletekeys": True,
        "ssh_keys": {"ed25519_private": host_key, "ed25519_public": host_public_key},
    }
    text = "#cloud-config\n" + json.dumps(config, indent=2, sort_keys=True) + "\n"
    return base64.b64encode(text.encode()).decode()


def pick_domain(names: list[str], index: int) -> str:
    """Take the availability domain at `index` of those the region has."""
    if index >= len(names):
        raise pulumi.RunError(
            f"auth:availabilityDomainIndex is {index}; this region has {len(names)} availability "
            f"domain{'s' if len(names) != 1 else ''} ({', '.join(names)}), counted from 0."
        )
    return names[index]


def first_image(images: list[str], *, version: str, shape: str) -> str:
    """Take the newest image, given newest first."""
    if not images:
        raise pulumi.RunError(
            f"There is no image of Canonical Ubuntu {version} for the shape {shape} in this "
            "region. Set auth:ubuntuVersion or auth:shape, or name an image by auth:imageOcid."
        )
    return images[0]
