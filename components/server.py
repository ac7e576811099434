"""The VM: its disk, its data, and the address that outlives it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_command import remote
from pulumi_oci import core

from components import address, commands, data_volume, machine, observation, provisioning
from components.keys import KeyPair
from components.machine import Machine
from components.observation import Observation

_BOOT_SECONDS = 120


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

    With `protect`, neither the VM nor its address can be deleted or replaced until someone says so
    by configuration; its data never is by a mere update. The VM's image is looked up once: a newer
    one never replaces the disk of a VM that exists.
    """

    public_ip: pulumi.Output[str]
    login_key: pulumi.Output[str]
    connection: remote.ConnectionArgs
    ssh_command: pulumi.Output[str]
    disk: pulumi.Output[str]  # boot and data volume: a new one has nothing of what ran before
    seen: pulumi.Output[dict[str, Observation] | None]  # by service; None: it can't be asked

    def __init__(
        self, name: str, args: ServerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("auth:server:Server", name, None, opts)
        domain = machine.availability_domain(
            self, tenancy_id=args.tenancy_id, index=args.availability_domain_index
        )
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
                source_id=machine.image(
                    self, compartment_id=args.compartment_id, machine=args.machine
                ),
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
                    lambda key: machine.user_data(
                        host_key=key, host_public_key=args.host_key.public
                    )
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
        volume = data_volume.volume(
            f"{name}-data",
            self,
            availability_domain=domain,
            compartment_id=args.compartment_id,
            size_in_gbs=args.machine.data_volume_in_gbs,
        )
        attachment = data_volume.attachment(
            f"{name}-data-attachment", self, instance=instance, volume=volume
        )
        reserved = core.PublicIp(
            f"{name}-address",
            compartment_id=args.compartment_id,
            lifetime="RESERVED",
            display_name=name,
            private_ip_id=address.primary_private_ip(
                self,
                compartment_id=args.compartment_id,
                subnet_id=args.subnet_id,
                instance=instance,
            ),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )

        self.public_ip = address.leading_somewhere(reserved, parent=self)
        self.login_key = args.login_key.private
        self.connection = commands.connection(
            host=address.of_the_vm(
                address.answering(self.public_ip), instance, pinned=args.host_key.public
            ),
            private_key=self.login_key,
            host_key=args.host_key.public,
        )
        # whoever uses the disk waits until it holds Docker, the proxy, the tool and the data
        self.disk = provisioning.provision(
            name,
            self,
            connection=self.connection,
            instance=instance,
            attachment=attachment,
            data_volume_in_gbs=args.machine.data_volume_in_gbs,
        )
        self.seen = self._observed(args.host_key.public)
        self.ssh_command = self.public_ip.apply(
            lambda host: commands.ssh_command(host, pulumi.get_stack())
        )
        self.register_outputs({"public_ip": self.public_ip, "disk": self.disk})

    def _observed(self, host_key: str) -> pulumi.Output[dict[str, Observation] | None]:
        """Ask what runs there, once for all releases, and while images are still being built."""

        async def ask(known: dict[str, Any]) -> dict[str, Observation] | None:
            host, private_key = known["host"], known["private_key"]
            try:
                return await observation.observe(
                    host=host,
                    private_key=private_key,
                    host_key=host_key,
                    # an update may have rebooted the VM just now; a preview has not
                    patience=0 if pulumi.runtime.is_dry_run() else _BOOT_SECONDS,
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
