"""What users have let applications do."""

from sqlalchemy import Connection, delete, insert, select

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
    connection.execute(
        delete(OAUTH_CONSENTS).where(
            OAUTH_CONSENTS.c.account_id == account_id, OAUTH_CONSENTS.c.client_id == client_id
        )
    )
    row = {
        "account_id": account_id,
        "client_id": client_id,
        "scope": granted,
        "granted_at": now,
    }
    connection.execute(insert(OAUTH_CONSENTS), row)
