"""Notices to clients that a session has ended; each stays until the client has it."""

import time
import uuid
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, Update, insert

from auth.storage.tables import LOGOUT_NOTICES, SESSIONS

# a client that is away for longer has to ask for itself
_SECONDS = 86_400
_OPENID = "openid"


def revoke(connection: Connection, ended: Update) -> int:
    """End the sessions of a statement, and store their notices; return the number of sessions."""
    columns = (SESSIONS.c.id, SESSIONS.c.client_id, SESSIONS.c.account_id, SESSIONS.c.scope)
    rows = connection.execute(ended.returning(*columns)).all()
    add(connection, rows)
    return len(rows)


def add(connection: Connection, rows: Iterable[Sequence[str]]) -> None:
    """Store a notice for each session, given as its id, client, account and scope.

    A client without an ID token knows no session to end.
    """
    now = time.time()
    notices = [
        {
            "id": uuid.uuid4().hex,
            "client_id": client_id,
            "account_id": account_id,
            "session_id": session_id,
            "created_at": now,
            "expires_at": now + _SECONDS,
            "next_try_at": now,
        }
        for session_id, client_id, account_id, scope in rows
        if _OPENID in scope.split()
    ]
    if notices:
        connection.execute(insert(LOGOUT_NOTICES), notices)
