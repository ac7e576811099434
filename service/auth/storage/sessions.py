"""Sessions: each is a sign-in of a client, and the family of its refresh tokens (RFC 9700)."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from auth.storage import accounts, logout_notices
from auth.storage.accounts import Account
from auth.storage.tables import (
    ACCOUNTS,
    BROWSER_SESSIONS,
    DEVICE_CODES,
    OAUTH_CODES,
    REFRESH_TOKENS,
    SESSIONS,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """Times are Unix seconds; `amr` is RFC 8176's names of the ways to sign in, with spaces."""

    id: str
    account_id: str
    client_id: str
    scope: str
    amr: str
    authenticated_at: float
    created_at: float
    last_used_at: float
    expires_at: float
    revoked_at: float | None = None
    revoked_why: str | None = None
    address: str = ""
    user_agent: str = ""
    # of the browser session that it was begun in; None for a session of the API
    browser_id: str | None = None
    requested_claims: str | None = None
    dpop_key: str | None = None

    def live(self, now: float) -> bool:
        return self.revoked_at is None and now < self.expires_at


_OFFLINE = "offline_access"
_SESSION = select(SESSIONS)
_SESSION_NAMES = [column.name for column in SESSIONS.columns]
_WITH_ACCOUNT = (
    select(*ACCOUNTS.columns, *SESSIONS.columns)
    .join_from(ACCOUNTS, SESSIONS)
    .where(ACCOUNTS.c.id == bindparam("account"), SESSIONS.c.id == bindparam("session"))
)
_WITH_TOKEN = (
    select(REFRESH_TOKENS.c.used_at, REFRESH_TOKENS.c.expires_at, *SESSIONS.columns)
    .join_from(REFRESH_TOKENS, SESSIONS)
    .where(REFRESH_TOKENS.c.hash == bindparam("hash"))
    .with_for_update()
)
_ADD, _ADD_TOKEN = insert(SESSIONS), insert(REFRESH_TOKENS)
_BEGIN = accounts.if_still_valid(SESSIONS)
_USE_TOKEN = (
    update(REFRESH_TOKENS)
    .where(REFRESH_TOKENS.c.hash == bindparam("given"))
    .values(used_at=bindparam("now"))
)
_GIVEN = REFRESH_TOKENS.alias("given")
# a constant, as building it takes as long as all other work of a refresh
_SIBLING_USED = (
    select(REFRESH_TOKENS.c.hash)
    .join(_GIVEN, _GIVEN.c.parent_hash == REFRESH_TOKENS.c.parent_hash)
    .where(
        _GIVEN.c.hash == bindparam("hash"),
        REFRESH_TOKENS.c.hash != bindparam("hash"),
        REFRESH_TOKENS.c.used_at.is_not(None),
    )
    .limit(1)
)
_TOUCH = (
    update(SESSIONS)
    .where(SESSIONS.c.id == bindparam("given"))
    .values(last_used_at=bindparam("now"), address=bindparam("from"), user_agent=bindparam("agent"))
)


def new(**values: Any) -> Session:
    return Session(id=uuid.uuid4().hex, **values)


def add(connection: Connection, session: Session, hashed: str | None, expires_at: float) -> None:
    """Store a session and the hash of its first refresh token, or None without a refresh token."""
    connection.execute(_ADD, _row(session))
    if hashed is not None:
        add_token(connection, session, hashed, parent=None, expires_at=expires_at)


def begin(
    connection: Connection, account: Account, session: Session, hashed: str, expires_at: float
) -> bool:
    """Store the session of a signed-in user; return False if the sign-in counts no more."""
    if not accounts.add_if_still_valid(connection, _BEGIN, account, _row(session)):
        return False
    add_token(connection, session, hashed, parent=None, expires_at=expires_at)
    return True


def _row(session: Session) -> dict[str, Any]:
    return {name: getattr(session, name) for name in _SESSION_NAMES}


def add_token(
    connection: Connection, session: Session, hashed: str, *, parent: str | None, expires_at: float
) -> None:
    row = {
        "hash": hashed,
        "session_id": session.id,
        "parent_hash": parent,
        "created_at": session.last_used_at,
        "expires_at": expires_at,
    }
    connection.execute(_ADD_TOKEN, row)


def with_account(
    connection: Connection, account_id: str, session_id: str
) -> tuple[Account, Session] | None:
    """Return a session and its account, in one query, for each request with an access token."""
    values = {"account": account_id, "session": session_id}
    row = connection.execute(_WITH_ACCOUNT, values).first()
    if row is None:
        return None
    session = dict(zip(_SESSION_NAMES, row[len(ACCOUNTS.columns) :], strict=True))
    return accounts.of_row(row), Session(**session)


def by_token(connection: Connection, hashed: str) -> tuple[Session, float | None, float] | None:
    """Return the session of a refresh token, the time of its use, and its end.

    Locks both for this transaction, so that of two at once the second sees the result of the first.
    """
    row = connection.execute(_WITH_TOKEN, {"hash": hashed}).first()
    if row is None:
        return None
    session = Session(**dict(zip(_SESSION_NAMES, row[2:], strict=True)))
    return session, row[0], row[1]


def use_token(connection: Connection, hashed: str, now: float) -> None:
    connection.execute(_USE_TOKEN, {"given": hashed, "now": now})


def descendant_used(connection: Connection, hashed: str) -> bool:
    """Return whether the refresh token that followed this token was used in its turn."""
    child = select(REFRESH_TOKENS.c.hash).where(
        REFRESH_TOKENS.c.parent_hash == hashed, REFRESH_TOKENS.c.used_at.is_not(None)
    )
    return connection.execute(child.limit(1)).first() is not None


def begun_in(connection: Connection, session_id: str, account_id: str) -> str | None:
    """Return the id of the browser session that a session of the account was begun in."""
    query = select(SESSIONS.c.browser_id).where(
        SESSIONS.c.id == session_id, SESSIONS.c.account_id == account_id
    )
    browser_id: str | None = connection.execute(query).scalar()
    return browser_id


def sibling_used(connection: Connection, hashed: str) -> bool:
    """Return whether another refresh token was made of the same token, and was used."""
    return connection.execute(_SIBLING_USED, {"hash": hashed}).first() is not None


def touch(connection: Connection, session: Session) -> None:
    """Keep when and from where the session was used last."""
    values = {
        "given": session.id,
        "now": session.last_used_at,
        "from": session.address,
        "agent": session.user_agent,
    }
    connection.execute(_TOUCH, values)


def live(connection: Connection, account_id: str, now: float) -> list[Session]:
    """Return the sessions of an account that could still be used, the last used first."""
    query = _SESSION.where(
        SESSIONS.c.account_id == account_id,
        SESSIONS.c.revoked_at.is_(None),
        SESSIONS.c.expires_at > now,
    )
    rows = connection.execute(query.order_by(SESSIONS.c.last_used_at.desc())).mappings()
    return [Session(**row) for row in rows]


def revoke(
    connection: Connection, session_id: str, why: str, now: float, *, account_id: str | None = None
) -> bool:
    """End a session, if it belongs to the account; return whether it was live."""
    ended = update(SESSIONS).where(
        SESSIONS.c.id == session_id,
        SESSIONS.c.revoked_at.is_(None),
        SESSIONS.c.expires_at > now,
    )
    if account_id is not None:
        ended = ended.where(SESSIONS.c.account_id == account_id)
    return logout_notices.revoke(connection, ended.values(revoked_at=now, revoked_why=why)) > 0


def revoke_by_token(connection: Connection, hashed: str, why: str, now: float) -> Session | None:
    """End the session of a refresh token; return it, if it was live."""
    row = by_token(connection, hashed)
    if row is None or not revoke(connection, row[0].id, why, now):
        return None
    return row[0]


def is_live(connection: Connection, session_id: str, now: float) -> bool:
    """Return whether a session has not ended; its end waits until this transaction is over."""
    query = select(SESSIONS.c.id).where(
        SESSIONS.c.id == session_id, SESSIONS.c.revoked_at.is_(None), SESSIONS.c.expires_at > now
    )
    return connection.execute(query.with_for_update(read=True)).first() is not None


def step_up(connection: Connection, session_id: str, amr: str, now: float) -> None:
    """Record a further factor in a session."""
    here = update(SESSIONS).where(SESSIONS.c.id == session_id)
    connection.execute(here.values(amr=amr, authenticated_at=now))


def revoke_all(
    connection: Connection,
    account_id: str,
    why: str,
    now: float,
    *,
    but: str | None = None,
    but_browser: str = "",
) -> int:
    """End the sessions of an account, in browsers too; return how many.

    A session stays if its id is `but`, or its browser's cookie has the hash `but_browser`.
    """
    browsers = delete(BROWSER_SESSIONS).where(
        BROWSER_SESSIONS.c.account_id == account_id, BROWSER_SESSIONS.c.hash != but_browser
    )
    connection.execute(browsers)
    return _end(connection, account_id, why, now, but=but)


def revoke_client(
    connection: Connection, account_id: str, client_id: str, why: str, now: float
) -> None:
    """End the sessions of an account with a client."""
    _end(connection, account_id, why, now, client_id=client_id)


def log_out_of(
    connection: Connection, browser_id: str, clients: Collection[str], why: str, now: float
) -> None:
    """Log clients out of a browser whose user signs out.

    A session with `offline_access` goes on: its client only gets the notice (OIDC Back-Channel
    Logout §2.7).
    """
    begun_there = (
        SESSIONS.c.browser_id == browser_id,
        SESSIONS.c.client_id.in_(clients),
        SESSIONS.c.revoked_at.is_(None),
        SESSIONS.c.expires_at > now,
    )
    # as a whole word: the scopes of an application may hold it in their names
    offline = (" " + SESSIONS.c.scope + " ").contains(f" {_OFFLINE} ", autoescape=True)
    ended = update(SESSIONS).where(*begun_there, ~offline)
    logout_notices.revoke(connection, ended.values(revoked_at=now, revoked_why=why))
    columns = (SESSIONS.c.id, SESSIONS.c.client_id, SESSIONS.c.account_id, SESSIONS.c.scope)
    going_on = select(*columns).where(*begun_there, offline)
    logout_notices.add(connection, list(connection.execute(going_on)))


def _end(
    connection: Connection,
    account_id: str,
    why: str,
    now: float,
    *,
    client_id: str | None = None,
    but: str | None = None,
) -> int:
    """End sessions, and delete the untraded codes, which would become sessions in a moment."""
    devices = delete(DEVICE_CODES).where(DEVICE_CODES.c.account_id == account_id)
    codes = delete(OAUTH_CODES).where(
        OAUTH_CODES.c.account_id == account_id, OAUTH_CODES.c.used_at.is_(None)
    )
    ended = update(SESSIONS).where(
        SESSIONS.c.account_id == account_id, SESSIONS.c.revoked_at.is_(None)
    )
    if client_id is not None:
        codes = codes.where(OAUTH_CODES.c.client_id == client_id)
        devices = devices.where(DEVICE_CODES.c.client_id == client_id)
        ended = ended.where(SESSIONS.c.client_id == client_id)
    if but is not None:
        ended = ended.where(SESSIONS.c.id != but)
    # first: this waits for a code that is being traded, whose session can then be ended
    connection.execute(codes)
    connection.execute(devices)
    return logout_notices.revoke(connection, ended.values(revoked_at=now, revoked_why=why))
