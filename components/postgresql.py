"""The PostgreSQL server that Oracle runs for the stack, in a private subnet of its own."""

from dataclasses import dataclass

import pulumi
from pulumi_oci import core, psql

from components import database_role
from components.database import Clients, Managed
from components.labels import display_name
from components.network import TCP, Network

PORT = 5432
_VERSION = "16"
_SHAPE = "PostgreSQL.VM.Standard.E5.Flex"
_STORAGE = "OCI_OPTIMIZED_STORAGE"
_PLAIN_TEXT = "PLAIN_TEXT"  # the other kind is a secret in Vault
_BACKUP_START, _BACKUP_DAYS = "02:00", 7


@dataclass(frozen=True, kw_only=True)
class PostgresqlArgs:
    """The size of the server, its administrator's password, and the machines that reach it."""

    compartment_id: str
    network: Network
    clients: Clients
    managed: Managed
    role: str  # of the service; its database has the same name


class Postgresql(pulumi.ComponentResource):
    """A database system with the role and the database of the service.

    An NSG lets the VM in, on one port. The system is always protected, so that no run deletes or
    replaces it by itself; Oracle makes its backups every day.
    """

    url: pulumi.Output[str]  # with the role's password
    ca: pulumi.Output[str]  # in PEM
    address: pulumi.Output[str]  # HOST:PORT/NAME

    def __init__(
        self, name: str, args: PostgresqlArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("auth:postgresql:Postgresql", name, None, opts)
        subnet_id, nsg_id, rule = self._network(name, args)
        managed = args.managed
        system = psql.DbSystem(
            f"{name}-database",
            compartment_id=args.compartment_id,
            display_name=display_name(f"{name}-database"),
            db_version=_VERSION,
            shape=_SHAPE,
            instance_count=1,
            instance_ocpu_count=managed.ocpus,
            instance_memory_size_in_gbs=managed.memory_in_gbs,
            system_type=_STORAGE,
            credentials=psql.DbSystemCredentialsArgs(
                username=database_role.ADMINISTRATOR,
                password_details=psql.DbSystemCredentialsPasswordDetailsArgs(
                    password_type=_PLAIN_TEXT, password=managed.password
                ),
            ),
            network_details=psql.DbSystemNetworkDetailsArgs(subnet_id=subnet_id, nsg_ids=[nsg_id]),
            storage_details=psql.DbSystemStorageDetailsArgs(
                is_regionally_durable=True, system_type=_STORAGE
            ),
            management_policy=psql.DbSystemManagementPolicyArgs(
                backup_policy=psql.DbSystemManagementPolicyBackupPolicyArgs(
                    kind="DAILY", backup_start=_BACKUP_START, retention_days=_BACKUP_DAYS
                )
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=True,
                custom_timeouts=pulumi.CustomTimeouts(create="90m", update="90m", delete="90m"),
            ),
        )
        details = psql.get_db_system_connection_detail_output(
            db_system_id=system.id, opts=pulumi.InvokeOutputOptions(parent=self)
        )
        host = details.apply(lambda known: str(known.primary_db_endpoints[0].fqdn))
        ca = details.apply(lambda known: str(known.ca_certificate))
        made = args.clients.make_role(
            f"{name}-database-role",
            pulumi.Output.all(host=host, ca=ca, administrator_password=managed.password).apply(
                lambda known: database_role.document(args.role, **known)
            ),
            pulumi.ResourceOptions(parent=self, depends_on=[system, rule]),
        )
        self.address = host.apply(lambda known: f"{known}:{PORT}/{args.role}")
        # a release waits for the role
        self.url = pulumi.Output.secret(
            pulumi.Output.all(self.address, managed.password, made.id).apply(
                lambda known: database_role.url(
                    args.role, address=known[0], administrator_password=known[1]
                )
            )
        )
        self.ca = ca
        self.register_outputs({"url": self.url, "ca": self.ca, "address": self.address})

    def _network(
        self, name: str, args: PostgresqlArgs
    ) -> tuple[pulumi.Output[str], pulumi.Output[str], pulumi.Resource]:
        """Create the subnet, the group, and its rule; the VCN's list of rules is empty."""
        child = pulumi.ResourceOptions(parent=self)
        subnet = core.Subnet(
            f"{name}-database-subnet",
            compartment_id=args.compartment_id,
            vcn_id=args.network.vcn_id,
            cidr_block=args.managed.subnet_cidr,
            display_name=display_name(f"{name}-database"),
            dns_label="database",
            prohibit_public_ip_on_vnic=True,
            opts=child,
        )
        nsg = core.NetworkSecurityGroup(
            f"{name}-database-nsg",
            compartment_id=args.compartment_id,
            vcn_id=args.network.vcn_id,
            display_name=display_name(f"{name}-database"),
            opts=child,
        )
        rule = core.NetworkSecurityGroupSecurityRule(
            f"{name}-database-nsg-{PORT}-from-{args.clients.slug}",
            network_security_group_id=nsg.id,
            direction="INGRESS",
            protocol=TCP,
            source=args.clients.block,
            source_type="CIDR_BLOCK",
            stateless=False,
            tcp_options=core.NetworkSecurityGroupSecurityRuleTcpOptionsArgs(
                destination_port_range=(
                    core.NetworkSecurityGroupSecurityRuleTcpOptionsDestinationPortRangeArgs(
                        min=PORT, max=PORT
                    )
                )
            ),
            description=f"PostgreSQL, for {args.clients.title}",
            opts=child,
        )
        return subnet.id, nsg.id, rule
