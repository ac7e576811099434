"""The server: the VM with its data volume, its address, and everything that a release needs."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_command import remote

from components import (
    access,
    address,
    advice,
    commands,
    data_volume,
    machine,
    observed_state,
    provisioning,
)
from components.access import Operator
from components.keys import KeyPair
from components.machine import Machine
from components.observed_state import ObservedState, UnreachableError

_BOOT_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class ServerArgs:
    """Where the VM is made, its hardware, and the keys of its SSH server and its operators."""

    tenancy_id: str
    compartment_id: str
    availability_domain_index: int
    fault_domain: str = ""  # empty: Oracle chooses
    subnet_id: pulumi.Input[str]
    nsg_id: pulumi.Input[str]
    after: Sequence[pulumi.Resource] = ()  # resources of the network that must exist before the VM
    machine: Machine
    login_key: KeyPair
    host_key: KeyPair
    operators: Sequence[Operator] = ()
    protect: bool
    reboot_window: str = ""  # such as `Sun 03:00-05:00 UTC`; empty: the VM never reboots by itself
    history: pulumi.Output[str] | None = None  # the place of the releases' history, if it has one

    def __post_init__(self) -> None:
        """Raise RunError without a key, as the settings of a cluster need none."""
        if not self.login_key.public or not self.host_key.public:
            raise pulumi.RunError(
                "auth:platform is cluster, and this program makes servers. Let it make them: "
                f"{advice.of_stack('pulumi config rm auth:platform', pulumi.get_stack())}"
            )


class Server(pulumi.ComponentResource):
    """A VM, provisioned and ready to run releases.

    With `protect`, the VM and its address can't be deleted or replaced before an operator turns
    that off in the configuration. The data volume is always protected.
    """

    public_ip: pulumi.Output[str]
    private_ip: pulumi.Output[str]
    login_key: pulumi.Output[str]
    connection: remote.ConnectionArgs
    ssh_command: pulumi.Output[str]
    disk: pulumi.Output[str]  # boot and data volume, provisioned; changes with a new, empty disk
    observed: pulumi.Output[dict[str, ObservedState] | None]  # by service; None: no answer

    def __init__(
        self, name: str, args: ServerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("auth:server:Server", name, None, opts)
        domain = machine.availability_domain(
            self, tenancy_id=args.tenancy_id, index=args.availability_domain_index
        )
        instance = machine.instance(
            name,
            self,
            availability_domain=domain,
            fault_domain=args.fault_domain,
            compartment_id=args.compartment_id,
            machine=args.machine,
            subnet_id=args.subnet_id,
            nsg_id=args.nsg_id,
            login_key=args.login_key,
            host_key=args.host_key,
            protect=args.protect,
            depends_on=args.after,
        )
        attachment = data_volume.attached_volume(
            name,
            self,
            availability_domain=domain,
            compartment_id=args.compartment_id,
            size_in_gbs=args.machine.data_volume_in_gbs,
            has_backups=args.machine.data_volume_backups,
            instance=instance,
        )
        reserved_address = address.reserved_address(
            name,
            self,
            compartment_id=args.compartment_id,
            subnet_id=args.subnet_id,
            instance=instance,
            protect=args.protect,
        )

        self.public_ip = address.assigned_address(reserved_address, parent=self)
        self.private_ip = instance.private_ip
        self.login_key = args.login_key.private
        self.connection = commands.connection(
            host=address.with_pinned_host_key(
                address.with_ssh_server(self.public_ip), instance, pinned=args.host_key.public
            ),
            private_key=self.login_key,
            host_key=args.host_key.public,
        )
        provisioned = threading.Event()
        self.disk = provisioning.provision(
            name,
            self,
            connection=self.connection,
            instance=instance,
            attachment=attachment,
            data_volume_in_gbs=args.machine.data_volume_in_gbs,
            reboot_window=args.reboot_window,
            history=args.history,
            access=access.document(args.login_key.public, args.operators),
            on_change=provisioned.set,
        )
        self.observed = self._observed(args.host_key.public, provisioned)
        self.ssh_command = self.public_ip.apply(
            lambda host: commands.ssh_command(host, pulumi.get_stack())
        )
        self.register_outputs({"public_ip": self.public_ip, "disk": self.disk})

    def _observed(
        self, host_key: str, provisioned: threading.Event
    ) -> pulumi.Output[dict[str, ObservedState] | None]:
        """Read the observed state, once for all services and as soon as the address is known.

        Provisioning and the build of the image go on beside that. If a command of the provisioning
        ran, or the server was not ready, the state is read again afterwards.
        """
        observed_state.prepare()

        async def read(
            known: dict[str, Any], patience: float
        ) -> dict[str, ObservedState] | UnreachableError:
            try:
                return await observed_state.read(
                    host=known["host"],
                    private_key=known["private_key"],
                    host_key=host_key,
                    patience=patience,
                )
            except UnreachableError as error:
                return error

        async def read_early(known: dict[str, Any]) -> dict[str, ObservedState] | UnreachableError:
            return await read(known, patience=0)

        async def read_again(known: dict[str, Any]) -> dict[str, ObservedState] | None:
            result: dict[str, ObservedState] | UnreachableError = known["early"]
            is_late = provisioned.is_set() or isinstance(result, UnreachableError)
            if is_late and not pulumi.runtime.is_dry_run():
                # an update may have rebooted the VM just now
                result = await read(known, _BOOT_SECONDS)
            if isinstance(result, UnreachableError):
                pulumi.log.warn(
                    f"The server at {known['host']} gives no answer about its releases ({result}), "
                    "so drift there is not detected.",
                    self,
                )
                return None
            return result

        login = {"host": self.public_ip, "private_key": self.login_key}
        early: pulumi.Output[dict[str, ObservedState] | UnreachableError] = pulumi.Output.all(
            **login
        ).apply(read_early)
        # a new disk has no release tool before it is provisioned
        return pulumi.Output.all(**login, early=early, disk=self.disk).apply(read_again)
