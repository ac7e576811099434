"""Authorization requests that clients pushed (RFC 9126): each is opened once."""

from sqlalchemy import Connection, delete, insert, select

from auth.storage.tables import PUSHED_REQUESTS


def add(
    connection: Connection,
    hashed: str,
    *,
    client_id: str,
    query: str,
    now: float,
    expires_at: float,
) -> None:
    """Store a request, and delete the expired ones: a client can push many in an hour."""
    connection.execute(delete(PUSHED_REQUESTS).where(PUSHED_REQUESTS.c.expires_at < now))
    row = {
        "hash": hashed,
        "client_id": client_id,
        "query": query,
        "created_at": now,
        "expires_at": expires_at,
    }
    connection.execute(insert(PUSHED_REQUESTS), row)


def take(connection: Connection, hashed: str, *, client_id: str, now: float) -> str | None:
    """Return the query of a client's request and delete it; None without such a request."""
    mine = (PUSHED_REQUESTS.c.hash == hashed) & (PUSHED_REQUESTS.c.client_id == client_id)
    live = mine & (PUSHED_REQUESTS.c.expires_at > now)
    query: str | None = connection.execute(select(PUSHED_REQUESTS.c.query).where(live)).scalar()
    # of two at once, one deletes it
    if query is None or not connection.execute(delete(PUSHED_REQUESTS).where(mine)).rowcount:
        return None
    return query
