"""The service's database: SQLite on the data volume, or a PostgreSQL server elsewhere."""

from dataclasses import dataclass

import pulumi

CA = "AUTH_DATABASE_CA"  # the file with the CA of the server, among the container's secrets
CA_FILE = f"/run/secrets/{CA}"
# of the base image's distribution: libpq itself looks for none in the system
PUBLIC_CAS = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True, kw_only=True)
class Database:
    """The address of a PostgreSQL server as a URL with a password; SQLite without one.

    `address` is the URL's public part, HOST:PORT/NAME. `ca` has the certificates in PEM that sign
    the server's; without them, those of the image do.
    """

    url: pulumi.Output[str] | None = None
    address: str = ""
    ca: str = ""

    @property
    def secrets(self) -> dict[str, pulumi.Input[str]]:
        """Return the service's variables for the database, which are files in its container."""
        if self.url is None:
            return {}
        return {"AUTH_DATABASE_URL": self.url, **({CA: self.ca} if self.ca else {})}

    def __str__(self) -> str:
        return f"PostgreSQL at {self.address}" if self.url else "SQLite on the data volume"
