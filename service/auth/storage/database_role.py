"""The role of the service, and its database, on a PostgreSQL server that Oracle runs.

The role owns that database and has no other right. A Job of a cluster makes it, as only the
cluster's nodes reach the server; host/auth_release/database_role.py does the same on a server.
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

_PATIENCE_SECONDS = 90  # the rule for the nodes, and the server's name, may be new
_PAUSE_SECONDS = 3
_CONNECT_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class WantedRole:
    """A server with its CA in PEM, its administrator, and the role with its password's verifier.

    The verifier is that of RFC 5803: no server and no log gets the role's password.
    """

    host: str
    ca: str
    administrator: str
    password: str
    role: str
    verifier: str
    port: int = 5432


def make(wanted: WantedRole, *, patience: float = _PATIENCE_SECONDS) -> None:
    """Make the role and the database; can be repeated. Raises psycopg.Error."""
    with tempfile.TemporaryDirectory(prefix="auth-database-role-") as folder:
        ca = Path(folder) / "ca.pem"
        ca.write_text(wanted.ca)
        with _connected(wanted, ca, time.monotonic() + patience) as connection:
            _make(connection, wanted.role, wanted.verifier)


def _connected(wanted: WantedRole, ca: Path, deadline: float) -> "psycopg.Connection[object]":
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


def _make(connection: "psycopg.Connection[object]", name: str, verifier: str) -> None:
    role = sql.Identifier(name)
    if not _exists(connection, "SELECT FROM pg_roles WHERE rolname = %s", name):
        connection.execute(sql.SQL("CREATE ROLE {}").format(role))
    password = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(verifier))
    connection.execute(password)
    # a database can be given to a role by its members alone
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
    if not _exists(connection, "SELECT FROM pg_database WHERE datname = %s", name):
        connection.execute(sql.SQL("CREATE DATABASE {0} OWNER {0}").format(role))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(role))
    connection.execute(sql.SQL("REVOKE {} FROM CURRENT_USER").format(role))


def _exists(connection: "psycopg.Connection[object]", query: str, name: str) -> bool:
    return connection.execute(query.encode(), (name,)).fetchone() is not None
