"""Applications that registered themselves (RFC 7591), each with the JSON of its registration."""

from sqlalchemy import Connection, delete, func, insert, select

from auth.storage.tables import REGISTERED_CLIENTS


def every(connection: Connection) -> list[str]:
    """Return the registrations, the oldest first."""
    query = select(REGISTERED_CLIENTS.c.registration).order_by(REGISTERED_CLIENTS.c.created_at)
    return list(connection.execute(query).scalars())


def add(
    connection: Connection, client_id: str, registration: str, *, now: float, most: int
) -> bool:
    """Store a registration; return False if there are `most` already."""
    count = select(func.count()).select_from(REGISTERED_CLIENTS)
    if connection.execute(count).scalar_one() >= most:
        return False
    row = {"client_id": client_id, "registration": registration, "created_at": now}
    connection.execute(insert(REGISTERED_CLIENTS), row)
    return True


def remove(connection: Connection, client_id: str) -> bool:
    """Delete a registration; return whether there was any."""
    gone = delete(REGISTERED_CLIENTS).where(REGISTERED_CLIENTS.c.client_id == client_id)
    return connection.execute(gone).rowcount > 0
