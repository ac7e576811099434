"""The service's database: SQLite on the data volume, or a PostgreSQL server elsewhere."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pulumi

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


def provided(
    name: str,
    database: Database,
    *,
    compartment_id: str,
    network: "Network",
    server: "Server",
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
            server=server,
            managed=database.managed,
            role=name,
        ),
    )
    if not database.uses_managed:
        return database
    return replace(database, url=system.url, address=system.address, ca=system.ca)
