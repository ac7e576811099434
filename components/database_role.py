"""The role of a service, and its database, on a PostgreSQL server that Oracle runs.

The role owns that database and has no other right. Only the stack's machines reach the server: the
release tool of a VM makes the role by psql, and a Job of a cluster by the service's driver. Both
have the SQL from here.
"""

import hashlib
import hmac

from common import scram
from components.database import CA_FILE, VERIFIED

ADMINISTRATOR = "keeper"  # Oracle's name for it can't be changed later
# Each query returns a statement, or nothing where nothing is to do: psql's \gexec executes it.
# They can be repeated.
_QUERIES = (
    (
        "SELECT format('CREATE ROLE %I', {role})"
        " WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {role})"
    ),
    "SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', {role}, {verifier})",
    # a database can be given to a role by its members alone
    "SELECT format('GRANT %I TO CURRENT_USER', {role})",
    (
        "SELECT format('CREATE DATABASE %I OWNER %I', {role}, {role})"
        " WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = {role})"
    ),
    "SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', {role})",
    "SELECT format('REVOKE %I FROM CURRENT_USER', {role})",
)


def password(role: str, *, administrator_password: str) -> str:
    """Return the password of a role, from the administrator's, to which it does not lead back."""
    return hmac.digest(administrator_password.encode(), f"role {role}".encode(), "sha256").hex()


def url(role: str, *, address: str, administrator_password: str) -> str:
    """Return the URL of the role's database at HOST:PORT/NAME, with the role's password."""
    secret = password(role, administrator_password=administrator_password)
    return f"postgresql://{role}:{secret}@{address}?sslmode={VERIFIED}&sslrootcert={CA_FILE}"


def document(role: str, *, host: str, ca: str, administrator_password: str) -> dict[str, str]:
    """Return the document that makes a role; its reader executes the result of each query, a line.

    The role's password goes as its verifier, with a salt that is the same each time: another
    document would be another run.
    """
    secret = password(role, administrator_password=administrator_password)
    salt = hashlib.sha256(f"salt of {secret}".encode()).digest()[:16]
    literals = {"role": _literal(role), "verifier": _literal(scram.verifier(secret, salt))}
    return {
        "administrator": ADMINISTRATOR,
        "ca": ca,
        "host": host,
        "password": administrator_password,
        "queries": "\n".join(_QUERIES).format_map(literals),
        "role": role,
    }


def _literal(text: str) -> str:
    quoted = text.replace("'", "''")
    return f"'{quoted}'"
