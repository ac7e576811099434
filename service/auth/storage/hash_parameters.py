"""The parameters of imported password hashes, for as long as an account has such a hash."""

from collections.abc import Collection

from sqlalchemy import Connection, delete, exists, insert, select

from auth.storage.tables import ACCOUNTS, HASH_PARAMETERS

_BEGINNING = HASH_PARAMETERS.c.beginning


def every(connection: Connection) -> list[str]:
    return list(connection.execute(select(_BEGINNING).order_by(_BEGINNING)).scalars())


def add(connection: Connection, beginnings: Collection[str]) -> None:
    """Store the parameters that are not stored yet."""
    for beginning in sorted({*beginnings} - {*every(connection)}):
        connection.execute(insert(HASH_PARAMETERS).values(beginning=beginning))


def prune(connection: Connection) -> int:
    """Delete the parameters of hashes that no account has any more; return their number."""
    unused = [
        beginning
        for beginning in every(connection)
        if not connection.execute(
            select(exists().where(ACCOUNTS.c.password.startswith(beginning, autoescape=True)))
        ).scalar_one()
    ]
    if unused:
        connection.execute(delete(HASH_PARAMETERS).where(_BEGINNING.in_(unused)))
    return len(unused)
