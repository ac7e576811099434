"""The service's database: SQLite on the data volume, or a PostgreSQL server elsewhere."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pulumi

from components import commands

if TYPE_CHECKING:
    from components.network import Network
    from components.server import Server

CA = "AUTH_DATABASE_CA"  # the file with the CA of the server, among the container's secrets
CA_FILE = f"/run/secrets/{CA}"
# of the base image's distribution: libpq itself looks for none in the system
PUBLIC_CAS = "/etc/ssl/certs/ca-certificates.crt"


VERIFIED = "verify-full"  # of libpq; the other modes take any server that answers


@dataclass(frozen=True, kw_only=True)
class Managed:
    """A server that Oracle runs: its size, its place in the VCN, its administrator's password."""

    password: pulumi.Output[str]
    ocpus: int
    memory_in_gbs: int
    subnet_cidr: str


@dataclass(frozen=True, kw_only=True)
class Database:
    """The address of a PostgreSQL server as a URL with a password; SQLite without one.

    `address` is the URL's public part, HOST:PORT/NAME. `ca` has the certificates in PEM that sign
    the server's; without them, those of the image do. A stack that `uses_managed` has its address
    from the system that Oracle makes.
    """

    url: pulumi.Output[str] | None = None
    address: pulumi.Input[str] = ""
    ca: pulumi.Input[str] = ""
    managed: Managed | None = None
    uses_managed: bool = False

    @property
    def is_postgresql(self) -> bool:
        return self.url is not None or self.uses_managed

    @property
    def secrets(self) -> dict[str, pulumi.Input[str]]:
        """Return the service's variables for the database, which are files in its container."""
        if self.url is None and self.uses_managed:
            raise pulumi.RunError(
                "The program has no server for auth:database postgresql: it must take its database "
                "from components.database.provided, as __main__.py does."
            )
        if self.url is None:
            return {}
        return {"AUTH_DATABASE_URL": self.url, **({CA: self.ca} if self.ca else {})}

    @property
    def title(self) -> pulumi.Input[str]:
        """Return the kind and the address, for the output."""
        if not self.is_postgresql:
            return "SQLite on the data volume"
        if isinstance(self.address, str):
            return f"PostgreSQL at {self.address}"
        return pulumi.Output.concat("PostgreSQL at ", self.address)


@dataclass(frozen=True, kw_only=True)
class Clients:
    """The machines that reach Oracle's server: a VM, or the nodes of a cluster.

    `make_role` makes the service's role from there. It takes the name of its resource, the document
    of the role (components/database_role.py), and the options of the resource.
    """

    block: pulumi.Input[str]  # IPv4
    slug: str  # in the name of their rule
    title: str
    make_role: Callable[
        [str, pulumi.Output[dict[str, str]], pulumi.ResourceOptions], pulumi.CustomResource
    ]


def on(server: "Server") -> Clients:
    """Return a VM as the client, whose release tool makes the role."""

    def make_role(
        name: str, document: pulumi.Output[dict[str, str]], options: pulumi.ResourceOptions
    ) -> pulumi.CustomResource:
        from pulumi_command import remote  # noqa: PLC0415 - a cluster has no commands

        return remote.Command(
            name,
            connection=server.connection,
            create=commands.make_database_role(),
            # another disk is another VM, which proves that it reaches the server
            stdin=pulumi.Output.all(document, server.disk).apply(
                lambda known: json.dumps({**known[0], "disk": known[1]}, sort_keys=True)
            ),
            add_previous_output_in_env=False,
            opts=options,
        )

    block = server.private_ip.apply(lambda address: f"{address}/32")
    return Clients(block=block, slug="vm", title="the VM", make_role=make_role)


def provided(
    name: str,
    database: Database,
    *,
    compartment_id: str,
    network: "Network",
    clients: Clients,
) -> Database:
    """Return the service's database, with the address of Oracle's server if the stack uses one.

    A stack with a database elsewhere may have the server as well: before a move, or after one.
    """
    if database.managed is None:
        return database
    # imports Oracle's package, which takes a tenth of a second
    from components.postgresql import Postgresql, PostgresqlArgs  # noqa: PLC0415

    system = Postgresql(
        name,
        PostgresqlArgs(
            compartment_id=compartment_id,
            network=network,
            clients=clients,
            managed=database.managed,
            role=name,
        ),
    )
    if not database.uses_managed:
        return database
    return replace(database, url=system.url, address=system.address, ca=system.ca)
