"""The assertions of clients that were used: each counts once."""

from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError

from auth.storage.tables import CLIENT_ASSERTIONS


def use(connection: Connection, hashed: str, *, expires_at: float, now: float) -> bool:
    """Record an assertion until it expires; return False if it was used before."""
    row = {"hash": hashed, "created_at": now, "expires_at": expires_at}
    try:
        with connection.begin_nested():
            connection.execute(insert(CLIENT_ASSERTIONS), row)
    except IntegrityError:
        return False
    return True
