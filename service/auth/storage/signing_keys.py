"""Signing keys, sealed. The key that signs follows from the times at which keys become active."""

from dataclasses import dataclass

from sqlalchemy import Connection, Table, insert, select, update

from auth.storage import locks
from auth.storage.tables import SIGNING_KEYS


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptKey:
    """`private_key` is a sealed PEM, "" once erased; `kid` is the RFC 7638 thumbprint."""

    kid: str
    algorithm: str
    private_key: str
    created_at: float
    activates_at: float


def every(connection: Connection, table: Table = SIGNING_KEYS) -> list[KeptKey]:
    """Return the keys of a table in the order in which they become active."""
    query = select(table).order_by(table.c.activates_at, table.c.kid)
    return [KeptKey(**row) for row in connection.execute(query).mappings()]


def lock(connection: Connection) -> None:
    """Keep other processes from adding keys of any kind until this transaction ends."""
    locks.keep_writers_out(connection, SIGNING_KEYS)


def add(connection: Connection, key: KeptKey, table: Table = SIGNING_KEYS) -> None:
    row = {name: getattr(key, name) for name in KeptKey.__slots__}
    connection.execute(insert(table), row)


def erase(connection: Connection, *kids: str, table: Table = SIGNING_KEYS) -> int:
    """Delete private keys; their names stay, so that a configured key does not come back."""
    with_key = (table.c.kid.in_(kids)) & (table.c.private_key != "")
    return connection.execute(update(table).where(with_key).values(private_key="")).rowcount
