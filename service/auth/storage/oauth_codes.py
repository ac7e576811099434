"""Authorization codes: each is traded once, within a minute (RFC 6749 §4.1.2, RFC 9700 §4.5)."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from auth.storage import browser_sessions, consents
from auth.storage.tables import OAUTH_CODES


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptCode:
    """A code. Times are Unix seconds; `session_id` is the session that it was traded for."""

    hash: str
    account_id: str
    client_id: str
    redirect_uri: str
    code_challenge: str
    scope: str
    nonce: str | None
    amr: str
    authenticated_at: float
    created_at: float
    expires_at: float
    session_id: str | None = None
    used_at: float | None = None
    browser_id: str | None = None
    requested_claims: str | None = None
    dpop_key: str | None = None


_NAMES = tuple(KeptCode.__slots__)
_CODE = select(*(OAUTH_CODES.c[name] for name in _NAMES))


def add(connection: Connection, code: KeptCode, *, browser: str, consented: str) -> bool:
    """Store a code for a browser's session; return False if that has ended meanwhile.

    Likewise if the consent to the scopes `consented` was withdrawn meanwhile; "" needs no consent.
    """
    if not browser_sessions.is_live(connection, browser):
        return False
    if consented:
        granted = consents.scope(connection, code.account_id, code.client_id, lock=True)
        if not set(consented.split()) <= set(granted.split()):
            return False
    connection.execute(insert(OAUTH_CODES), {name: getattr(code, name) for name in _NAMES})
    return True


def find(connection: Connection, hashed: str, *, lock: bool = False) -> KeptCode | None:
    """Return a code; with `lock`, nobody else gets it before this transaction is over."""
    query = _CODE.where(OAUTH_CODES.c.hash == hashed)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return KeptCode(**row) if row else None


def use(connection: Connection, hashed: str, session_id: str, now: float) -> None:
    used = update(OAUTH_CODES).where(OAUTH_CODES.c.hash == hashed)
    connection.execute(used.values(used_at=now, session_id=session_id))
