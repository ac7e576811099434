"""Notices to clients that a session has ended; each stays until the client has it."""

import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Update, delete, insert, select, update

from auth.storage.tables import LOGOUT_NOTICES, SESSIONS

# a client that is away for longer has to ask for itself
_SECONDS = 86_400
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 10, 600
_OPENID = "openid"


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """A notice. Times are Unix seconds; `attempts` counts the present attempt."""

    id: str
    client_id: str
    account_id: str
    session_id: str
    created_at: float
    expires_at: float
    next_try_at: float
    attempts: int


_NAMES = tuple(Notice.__slots__)
_NOTICE = select(*(LOGOUT_NOTICES.c[name] for name in _NAMES))


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


def is_due(connection: Connection, now: float) -> bool:
    due = select(LOGOUT_NOTICES.c.id).where(LOGOUT_NOTICES.c.next_try_at <= now)
    return connection.execute(due.limit(1)).first() is not None


def claim(connection: Connection, now: float, *, most: int) -> list[Notice]:
    """Return notices that are due, the least tried first, and put each off to its next attempt.

    Another process gets none of them until then.
    """
    due = _NOTICE.where(LOGOUT_NOTICES.c.next_try_at <= now)
    first = due.order_by(LOGOUT_NOTICES.c.attempts, LOGOUT_NOTICES.c.next_try_at).limit(most)
    notices = []
    for row in connection.execute(first.with_for_update(skip_locked=True)).mappings().all():
        notice = Notice(**{**row, "attempts": row["attempts"] + 1})
        pause = min(_FIRST_PAUSE_SECONDS * 2 ** row["attempts"], _LONGEST_PAUSE_SECONDS)
        this = update(LOGOUT_NOTICES).where(LOGOUT_NOTICES.c.id == notice.id)
        connection.execute(this.values(attempts=notice.attempts, next_try_at=now + pause))
        notices.append(notice)
    return notices


def remove(connection: Connection, notice_id: str) -> None:
    connection.execute(delete(LOGOUT_NOTICES).where(LOGOUT_NOTICES.c.id == notice_id))
