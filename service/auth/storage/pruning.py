"""Removes rows that nobody can use any more."""

from sqlalchemy import ColumnElement, Connection, Table, delete, or_

from auth.storage import hash_parameters
from auth.storage.tables import (
    ACTION_TOKENS,
    AUDIT_EVENTS,
    BROWSER_SESSIONS,
    CHALLENGES,
    CLIENT_ASSERTIONS,
    DEVICE_CODES,
    HASH_PARAMETERS,
    LOCKOUTS,
    LOGOUT_NOTICES,
    OAUTH_CODES,
    PUSHED_REQUESTS,
    RATE_LIMITS,
    REFRESH_TOKENS,
    SESSIONS,
    WEBHOOK_MESSAGES,
)

# A revoked session stays for a while: a stolen refresh token of it, tried later, is then
# recognised.
_REVOKED_SECONDS = 7 * 86_400
_EXPIRING = (
    ACTION_TOKENS,
    BROWSER_SESSIONS,
    CHALLENGES,
    CLIENT_ASSERTIONS,
    DEVICE_CODES,
    LOCKOUTS,
    LOGOUT_NOTICES,
    OAUTH_CODES,
    PUSHED_REQUESTS,
    RATE_LIMITS,
    REFRESH_TOKENS,
    WEBHOOK_MESSAGES,
)


def prune(connection: Connection, *, now: float, audit_seconds: float) -> dict[str, int]:
    """Delete expired rows, and audit events older than `audit_seconds`; return how many of each."""
    conditions: list[tuple[Table, ColumnElement[bool]]] = [
        (table, table.c.expires_at < now) for table in _EXPIRING
    ]
    over = or_(SESSIONS.c.expires_at < now, SESSIONS.c.revoked_at < now - _REVOKED_SECONDS)
    conditions.append((SESSIONS, over))
    conditions.append((AUDIT_EVENTS, AUDIT_EVENTS.c.at < now - audit_seconds))
    removed = {
        table.name: connection.execute(delete(table).where(condition)).rowcount
        for table, condition in conditions
    }
    return {**removed, HASH_PARAMETERS.name: hash_parameters.prune(connection)}
