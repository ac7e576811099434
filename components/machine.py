"""The VM: its shape, its image, and its configuration at the first boot."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_oci import _utilities as oci
from pulumi_oci import core

from components import advice
from components.keys import KeyPair
from components.labels import display_name
from components.shapes import platform_of, processors_of
from host.auth_release.desired import Limits


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The shape, the image and the volumes of the VM; sizes in GB."""

    shape: str
    ocpus: int
    memory_in_gbs: int
    image_ocid: str  # empty: the newest Ubuntu image when the VM is created
    ubuntu_version: str
    boot_volume_in_gbs: int
    data_volume_in_gbs: int
    data_volume_backups: bool  # Oracle's, by a schedule

    @property
    def platform(self) -> str:
        """Return Docker's name for the shape's architecture."""
        return platform_of(self.shape)

    @property
    def limits(self) -> Limits:
        """Return the limits of the container that serves: it may use all processors of the VM."""
        return Limits(cpus=str(processors_of(self.shape, self.ocpus)))


def instance(
    name: str,
    parent: pulumi.Resource,
    *,
    availability_domain: pulumi.Input[str],
    fault_domain: str,
    compartment_id: str,
    machine: Machine,
    subnet_id: pulumi.Input[str],
    nsg_id: pulumi.Input[str],
    login_key: KeyPair,
    host_key: KeyPair,
    protect: bool,
    depends_on: Sequence[pulumi.Resource],
) -> core.Instance:
    """Create the VM, with the host key that clients pin.

    Its place and its image are chosen once: another domain never moves an existing VM, and a newer
    image never replaces its disk.
    """
    return core.Instance(
        f"{name}-vm",
        availability_domain=availability_domain,
        fault_domain=fault_domain or None,
        compartment_id=compartment_id,
        display_name=display_name(name),
        shape=machine.shape,
        shape_config=core.InstanceShapeConfigArgs(
            ocpus=machine.ocpus, memory_in_gbs=machine.memory_in_gbs
        ),
        source_details=core.InstanceSourceDetailsArgs(
            source_type="image",
            source_id=image(parent, compartment_id=compartment_id, machine=machine),
            boot_volume_size_in_gbs=str(machine.boot_volume_in_gbs),
        ),
        create_vnic_details=core.InstanceCreateVnicDetailsArgs(
            subnet_id=subnet_id,
            nsg_ids=[nsg_id],
            assign_public_ip="false",  # the reserved address takes its place
            hostname_label=name,
        ),
        metadata={
            "ssh_authorized_keys": login_key.public,
            "user_data": host_key.private.apply(
                lambda private: user_data(host_key=private, host_public_key=host_key.public)
            ),
        },
        instance_options=core.InstanceInstanceOptionsArgs(are_legacy_imds_endpoints_disabled=True),
        availability_config=core.InstanceAvailabilityConfigArgs(recovery_action="RESTORE_INSTANCE"),
        is_pv_encryption_in_transit_enabled=True,
        preserve_boot_volume=False,
        state="RUNNING",  # the default, named so that a refresh shows when somebody stopped it
        opts=pulumi.ResourceOptions(
            parent=parent,
            protect=protect,
            # two at a time need twice the quota
            delete_before_replace=True,
            ignore_changes=[
                # a first update tries other domains while the cloud has no room
                "availabilityDomain",
                "faultDomain",
                # images are published monthly, and this change would replace the disk in place
                "sourceDetails.sourceId",
                # the first boot alone reads the keys, and a change would replace the VM; a VM that
                # is replaced for another reason gets the present keys
                "metadata.ssh_authorized_keys",
                "metadata.user_data",
            ],
            custom_timeouts=pulumi.CustomTimeouts(create="45m", delete="75m"),
            hooks=pulumi.ResourceHookBinding(
                before_update=[
                    pulumi.ResourceHook(
                        f"{name}-vm-hardware",
                        check_hardware,
                        pulumi.ResourceHookOptions(on_dry_run=True),
                    )
                ]
            ),
            depends_on=list(depends_on),
        ),
    )


def check_hardware(change: pulumi.ResourceHookArgs) -> None:
    """Announce the reboot for another size; raise ValueError if the disk can't boot in the shape.

    Both in a preview as well. Oracle refuses a shape for another processor ("Shape … is not valid
    for image …"), and its provider plans such an update all the same.
    """
    old, new = dict(change.old_inputs or {}), dict(change.new_inputs or {})
    if all(old.get(name) == new.get(name) for name in ("shape", "shapeConfig")):
        return
    former, present = (platform_of(str(inputs.get("shape"))) for inputs in (old, new))
    if present != former:
        raise ValueError(
            f"auth:shape is {new.get('shape')}, a machine for {present}, but the disk of the VM is "
            f'for {former}. A new VM can have it: docs/runbook.md, section "The VM must be '
            'replaced". To stay with this VM: '
            + advice.of_stack(
                f"pulumi config set auth:shape {old.get('shape')}", pulumi.get_stack()
            )
        )
    pulumi.log.warn(
        "The VM reboots for its new size: the service is away for one to three minutes, and comes "
        "back by itself."
    )


def availability_domain(
    parent: pulumi.Resource, *, tenancy_id: str, index: int
) -> pulumi.Output[str]:
    """Look up the name of the region's availability domain at `index`, counted from 0."""
    return availability_domains(parent, tenancy_id=tenancy_id).apply(
        lambda domains: pick_domain(domains, index)
    )


def availability_domains(parent: pulumi.Resource, *, tenancy_id: str) -> pulumi.Output[list[str]]:
    """Look up the names of the region's availability domains.

    The function is called by its token: `pulumi_oci.identity` has 230 modules and 110,000 objects,
    and to import it for a single function takes as long as all other imports.
    """
    options = oci.get_invoke_opts_defaults()  # the provider's version, as generated functions do
    return pulumi.runtime.invoke_output(
        "oci:Identity/getAvailabilityDomains:getAvailabilityDomains",
        {"compartmentId": tenancy_id},
        opts=pulumi.InvokeOptions.merge(options, pulumi.InvokeOptions(parent=parent)),
    ).apply(lambda result: [domain["name"] for domain in result["availabilityDomains"]])


def image(
    parent: pulumi.Resource, *, compartment_id: str, machine: Machine
) -> str | pulumi.Output[str]:
    """Return the OCID of the configured image, or look up the newest image for the shape."""
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
    """Return the cloud-config that sets the VM's host key, in base64.

    Nothing else belongs here: later changes reach no VM that exists. JSON is valid YAML, and JSON
    with sorted keys has a single rendering.
    """
    config = {
        "ssh_deletekeys": True,
        "ssh_keys": {"ed25519_private": host_key, "ed25519_public": host_public_key},
    }
    text = "#cloud-config\n" + json.dumps(config, indent=2, sort_keys=True) + "\n"
    return base64.b64encode(text.encode()).decode()


def pick_domain(names: list[str], index: int) -> str:
    """Return the availability domain at `index`; raise RunError if the region has fewer."""
    if index >= len(names):
        raise pulumi.RunError(
            f"auth:availabilityDomainIndex is {index}; this region has {len(names)} availability "
            f"domain{'s' if len(names) != 1 else ''} ({', '.join(names)}), counted from 0."
        )
    return names[index]


def first_image(images: list[str], *, version: str, shape: str) -> str:
    """Return the first image, which is the newest; raise RunError for an empty list."""
    if not images:
        raise pulumi.RunError(
            f"There is no image of Canonical Ubuntu {version} for the shape {shape} in this "
            "region. Set auth:ubuntuVersion or auth:shape, or name an image by auth:imageOcid."
        )
    return images[0]
