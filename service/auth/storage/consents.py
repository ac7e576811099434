"""What users have let applications do."""

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth.storage.tables import OAUTH_CONSENTS


def scope(connection: Connection, account_id: str, client_id: str) -> str:
    """Give the scopes that the account has granted to the client, "" for none."""
    found = select(OAUTH_CONSENTS.c.scope).where(
        OAUTH_CONSENTS.c.account_id == account_id, OAUTH_CONSENTS.c.client_id == client_id
    )
    return connection.execute(found).scalar() or ""


def grant(
    connection: Connection, account_id: str, client_id: str, granted: str, now: float
) -> None:
    """Keep what was granted, in the place of what was granted before."""
    changed = (
        update(OAUTH_CONSENTS)
        .where(OAUTH_CONSENTS.c.account_id == account_id, OAUTH_CONSENTS.c.client_id == client_id)
        .values(scope=granted, granted_at=now)
    )
    if connection.execute(changed).rowcount:
        return
    row = {
        "account_id": account_id,
        "client_id": client_id,
        "scope": granted,
        "granted_at": now,
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(OAUTH_CONSENTS), row)
    except IntegrityError:
        # a second click was faster
        connection.execute(changed)
