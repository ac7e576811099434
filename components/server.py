"""The VM: its disk, its data, and the address that outlives it."""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_command import remote
from pulumi_oci import core, identity

from components import commands, observation, release_tool
from components.address import leading_somewhere
from components.keys import KeyPair
from components.observation import Observation

DATA_DEVICE = "/dev/oracleoci/oraclevdb"


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


@dataclass(frozen=True, kw_only=True)
class ServerArgs:
    tenancy_id: str
    compartment_id: str
    availability_domain_index: int
    subnet_id: pulumi.Input[str]
    nsg_id: pulumi.Input[str]
    after: Sequence[pulumi.Resource] = ()  # what the network needs before a VM boots in it
    machine: Machine
    login_key: KeyPair
    host_key: KeyPair
    protect: bool


class Server(pulumi.ComponentResource):
    """One VM, provisioned and ready to run releases.

    With `protect`, neither the VM nor its address nor its data can be deleted or replaced until
    someone says so by configuration. The VM's image is looked up once: a newer one never replaces
    the disk of a VM that exists.
    """

    public_ip: pulumi.Output[str]
    login_key: pulumi.Output[str]
    connection: remote.ConnectionArgs
    ssh_command: pulumi.Output[str]
    disk: pulumi.Output[str]  # the boot volume that holds what was provisioned
    seen: pulumi.Output[dict[str, Observation] | None]  # by service; None: it can't be asked

    def __init__(
        self, name: str, args: ServerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("auth:server:Server", name, None, opts)
        domain = identity.get_availability_domains_output(
            compartment_id=args.tenancy_id, opts=pulumi.InvokeOptions(parent=self)
        ).availability_domains.apply(
            lambda domains: pick_domain([d.name for d in domains], args.availability_domain_index)
        )
        kept = pulumi.ResourceOptions(parent=self, protect=args.protect)

        instance = core.Instance(
            f"{name}-vm",
            availability_domain=domain,
            compartment_id=args.compartment_id,
            display_name=name,
            shape=args.machine.shape,
            shape_config=core.InstanceShapeConfigArgs(
                ocpus=args.machine.ocpus, memory_in_gbs=args.machine.memory_in_gbs
            ),
            source_details=core.InstanceSourceDetailsArgs(
                source_type="image",
                source_id=args.machine.image_ocid or self._newest_image(args),
                boot_volume_size_in_gbs=str(args.machine.boot_volume_in_gbs),
            ),
            create_vnic_details=core.InstanceCreateVnicDetailsArgs(
                subnet_id=args.subnet_id,
                nsg_ids=[args.nsg_id],
                assign_public_ip="false",  # the reserved address takes its place
                hostname_label=name,
            ),
            metadata={
                "ssh_authorized_keys": args.login_key.public,
                "user_data": args.host_key.private.apply(
                    lambda key: user_data(host_key=key, host_public_key=args.host_key.public)
                ),
            },
            instance_options=core.InstanceInstanceOptionsArgs(
                are_legacy_imds_endpoints_disabled=True
            ),
            availability_config=core.InstanceAvailabilityConfigArgs(
                recovery_action="RESTORE_INSTANCE"
            ),
            is_pv_encryption_in_transit_enabled=True,
            preserve_boot_volume=False,
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=args.protect,
                # two at a time need twice the quota
                delete_before_replace=True,
                # monthly images must not wipe the disk, which this change would do in place
                ignore_changes=["sourceDetails.sourceId"],
                custom_timeouts=pulumi.CustomTimeouts(create="45m", delete="75m"),
                depends_on=list(args.after),
            ),
        )
        volume = core.Volume(
            f"{name}-data",
            availability_domain=domain,
            compartment_id=args.compartment_id,
            display_name=f"{name}-data",
            size_in_gbs=str(args.machine.data_volume_in_gbs),
            opts=kept,
        )
        attachment = core.VolumeAttachment(
            f"{name}-data-attachment",
            attachment_type="paravirtualized",
            instance_id=instance.id,
            volume_id=volume.id,
            device=DATA_DEVICE,
            is_pv_encryption_in_transit_enabled=True,
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        address = core.PublicIp(
            f"{name}-address",
            compartment_id=args.compartment_id,
            lifetime="RESERVED",
            display_name=name,
            private_ip_id=self._private_ip_id(args, instance),
            opts=kept,
        )

        self.public_ip = leading_somewhere(address, parent=self)
        self.login_key = args.login_key.private
        self.connection = commands.connection(
            host=self.public_ip, private_key=self.login_key, host_key=args.host_key.public
        )
        provisioned = remote.Command(
            f"{name}-provision",
            connection=self.connection,
            create=instance.boot_volume_id.apply(
                lambda disk: commands.provision(data_device=DATA_DEVICE, boot_volume_id=disk)
            ),
            stdin=(commands.HOST_FILES / "provision.sh").read_text(),
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[attachment]),
        )
        tool = remote.Command(
            f"{name}-release-tool",
            connection=self.connection,
            create=instance.boot_volume_id.apply(
                lambda disk: commands.install_release_tool(boot_volume_id=disk)
            ),
            stdin=release_tool.archive(),
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[provisioned]),
        )
        # whoever uses the disk waits until it holds Docker, the proxy and the release tool
        self.disk = pulumi.Output.all(instance.boot_volume_id, tool.id).apply(lambda both: both[0])
        self.seen = self._observed(args.host_key.public)
        self.ssh_command = self.public_ip.apply(commands.ssh_command)
        self.register_outputs({"public_ip": self.public_ip, "disk": self.disk})

    def _newest_image(self, args: ServerArgs) -> pulumi.Output[str]:
        return core.get_images_output(
            compartment_id=args.compartment_id,
            operating_system="Canonical Ubuntu",
            operating_system_version=args.machine.ubuntu_version,
            shape=args.machine.shape,
            sort_by="TIMECREATED",
            sort_order="DESC",
            state="AVAILABLE",
            opts=pulumi.InvokeOptions(parent=self),
        ).images.apply(
            lambda images: first_image(
                [image.id for image in images],
                version=args.machine.ubuntu_version,
                shape=args.machine.shape,
            )
        )

    def _observed(self, host_key: str) -> pulumi.Output[dict[str, Observation] | None]:
        """Ask what runs there, once for all releases, and while images are still being built."""

        async def ask(known: dict[str, Any]) -> dict[str, Observation] | None:
            host, private_key = known["host"], known["private_key"]
            try:
                return await observation.observe(
                    host=host, private_key=private_key, host_key=host_key
                )
            except observation.UnreachableError as error:
                pulumi.log.warn(
                    f"{host} can't be asked what runs there ({error}): whether somebody changed it "
                    "is unknown.",
                    self,
                )
                return None

        # on a new disk the tool must be there before it is asked
        return pulumi.Output.all(
            host=self.public_ip, private_key=self.login_key, disk=self.disk
        ).apply(ask)

    def _private_ip_id(self, args: ServerArgs, instance: core.Instance) -> pulumi.Output[str]:
        vnics = core.get_vnic_attachments_output(
            compartment_id=args.compartment_id,
            instance_id=instance.id,
            opts=pulumi.InvokeOptions(parent=self),
        )
        addresses = core.get_private_ips_output(
            vnic_id=vnics.vnic_attachments.apply(lambda attached: attached[0].vnic_id),
            opts=pulumi.InvokeOptions(parent=self),
        )
        return addresses.private_ips.apply(lambda found: str(found[0].id))


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
