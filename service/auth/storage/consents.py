"""Consents of users to applications."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth.storage import sessions
from auth.storage.tables import OAUTH_CONSENTS


@dataclass(frozen=True, kw_only=True, slots=True)
class Consent:
    """The consent to an application; `granted_at` is in Unix seconds."""

    client_id: str
    scope: str
    granted_at: float


_CONSENT = select(*(OAUTH_CONSENTS.c[name] for name in Consent.__slots__))


def of(connection: Connection, account_id: str) -> list[Consent]:
    """Return the consents of an account, the last granted first."""
    query = _CONSENT.where(OAUTH_CONSENTS.c.account_id == account_id)
    rows = connection.execute(query.order_by(OAUTH_CONSENTS.c.granted_at.desc())).mappings()
    return [Consent(**row) for row in rows]


def scope(connection: Connection, account_id: str, client_id: str, *, lock: bool = False) -> str:
    """Return the scopes that the account has granted to the client, "" without a consent.

    With `lock`, a withdrawal waits until this transaction is over, and finds its results.
    """
    query = select(OAUTH_CONSENTS.c.scope).where(
        OAUTH_CONSENTS.c.account_id == account_id, OAUTH_CONSENTS.c.client_id == client_id
    )
    return connection.execute(query.with_for_update() if lock else query).scalar() or ""


def grant(
    connection: Connection,
    account_id: str,
    client_id: str,
    asked: str,
    now: float,
    *,
    registered: Collection[str],
) -> None:
    """Add scopes to a consent.

    Scopes that the client is not `registered` for any more are dropped.
    """
    before = scope(connection, account_id, client_id, lock=True)
    words = dict.fromkeys(f"{before} {asked}".split())
    granted = " ".join(word for word in words if word in registered)
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


def withdraw(connection: Connection, account_id: str, client_id: str, *, now: float) -> bool:
    """Delete a consent, and end the client's sessions; return whether there was any."""
    gone = delete(OAUTH_CONSENTS).where(
        OAUTH_CONSENTS.c.account_id == account_id, OAUTH_CONSENTS.c.client_id == client_id
    )
    if not connection.execute(gone).rowcount:
        return False
    sessions.revoke_client(connection, account_id, client_id, "consent withdrawn", now)
    return True
