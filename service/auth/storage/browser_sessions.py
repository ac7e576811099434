"""Browsers that are signed in to the pages: the cookie of each is stored as a hash."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update

from auth.storage import accounts
from auth.storage.accounts import Account
from auth.storage.tables import BROWSER_SESSIONS


@dataclass(frozen=True, kw_only=True, slots=True)
class BrowserSession:
    """Times are Unix seconds; `amr` is RFC 8176's names of the ways to sign in, with spaces.

    `authenticated_at` is 0 if nobody knows when the user signed in, as with some upstreams.
    """

    hash: str
    account_id: str
    amr: str
    authenticated_at: float
    created_at: float
    last_used_at: float
    expires_at: float
    address: str = ""
    user_agent: str = ""
    # stays the same while the cookie is renewed; None if an earlier release began it
    id: str | None = None


_NAMES = tuple(BrowserSession.__slots__)
_BEGIN = accounts.if_still_valid(BROWSER_SESSIONS)
_SESSION = select(*(BROWSER_SESSIONS.c[name] for name in _NAMES))


def begin(
    connection: Connection, account: Account, session: BrowserSession, *, instead_of: str
) -> bool:
    """Store the session of a signed-in user; return False if the sign-in counts no more.

    The browser's earlier session ends.
    """
    row = {name: getattr(session, name) for name in _NAMES}
    if not accounts.add_if_still_valid(connection, _BEGIN, account, row):
        return False
    remove(connection, instead_of)
    return True


def find(connection: Connection, hashed: str, now: float) -> tuple[BrowserSession, Account] | None:
    """Return the session with its account, None if nobody is signed in any more."""
    query = _SESSION.where(BROWSER_SESSIONS.c.hash == hashed, BROWSER_SESSIONS.c.expires_at > now)
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    session = BrowserSession(**row)
    account = accounts.by_id(connection, session.account_id)
    if account is None or account.disabled_at is not None:
        return None
    return session, account


def step_up(connection: Connection, hashed: str, renewed: str, amr: str, now: float) -> None:
    """Record a further factor in a session, which gets another cookie."""
    here = update(BROWSER_SESSIONS).where(BROWSER_SESSIONS.c.hash == hashed)
    connection.execute(here.values(hash=renewed, amr=amr, authenticated_at=now))


def renew(connection: Connection, hashed: str, renewed: str) -> None:
    """Give a session another cookie."""
    here = update(BROWSER_SESSIONS).where(BROWSER_SESSIONS.c.hash == hashed)
    connection.execute(here.values(hash=renewed))


def live(connection: Connection, account_id: str, now: float) -> list[BrowserSession]:
    """Return the sessions of an account that have not ended, the last begun first."""
    query = _SESSION.where(
        BROWSER_SESSIONS.c.account_id == account_id, BROWSER_SESSIONS.c.expires_at > now
    )
    rows = connection.execute(query.order_by(BROWSER_SESSIONS.c.created_at.desc())).mappings()
    return [BrowserSession(**row) for row in rows]


def is_live(connection: Connection, hashed: str) -> bool:
    """Return whether a session has not ended; its end waits until this transaction is over."""
    query = select(BROWSER_SESSIONS.c.hash).where(BROWSER_SESSIONS.c.hash == hashed)
    return connection.execute(query.with_for_update(read=True)).first() is not None


def remove(connection: Connection, hashed: str, *, account_id: str | None = None) -> bool:
    """End a session, if it belongs to the account; return whether there was such a session."""
    gone = delete(BROWSER_SESSIONS).where(BROWSER_SESSIONS.c.hash == hashed)
    if account_id is not None:
        gone = gone.where(BROWSER_SESSIONS.c.account_id == account_id)
    return connection.execute(gone).rowcount > 0
