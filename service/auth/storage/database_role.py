"""The role of the service, and its database, on a server that only the nodes of a cluster reach.

A Job there makes it. The SQL is the program's (components/database_role.py).
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

_PATIENCE_SECONDS = 90  # the rule for the nodes, and the server's name, may be new
_PAUSE_SECONDS = 3
_CONNECT_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class WantedRole:
    """A server with its CA in PEM, its administrator, and the role.

    `queries` has a query a line. Each returns a statement, or nothing where nothing is to do.
    """

    host: str
    ca: str
    administrator: str
    password: str
    role: str
    queries: str
    port: int = 5432


def make(wanted: WantedRole, *, patience: float = _PATIENCE_SECONDS) -> None:
    """Make the role and the database; can be repeated. Raises psycopg.Error."""
    with tempfile.TemporaryDirectory(prefix="auth-database-role-") as folder:
        ca = Path(folder) / "ca.pem"
        ca.write_text(wanted.ca)
        with _connected(wanted, ca, time.monotonic() + patience) as connection:
            for query in wanted.queries.splitlines():
                for (statement,) in connection.execute(query.encode()):
                    connection.execute(statement)


def _connected(wanted: WantedRole, ca: Path, deadline: float) -> "psycopg.Connection[tuple[str]]":
    while True:
        try:
            return psycopg.connect(
                host=wanted.host,
                port=wanted.port,
                user=wanted.administrator,
                password=wanted.password,
                dbname="postgres",
                sslmode="verify-full",
                sslrootcert=str(ca),
                connect_timeout=_CONNECT_SECONDS,
                application_name="auth",
                autocommit=True,  # a database is made outside of a transaction
            )
        except psycopg.OperationalError:
            if time.monotonic() + _PAUSE_SECONDS > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
