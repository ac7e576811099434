"""Sign-ins of devices (RFC 8628): a device waits while its user decides in a browser."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from auth.storage import accounts, browser_sessions, sessions
from auth.storage.accounts import Account
from auth.storage.browser_sessions import BrowserSession
from auth.storage.sessions import Session
from auth.storage.tables import DEVICE_CODES


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceCode:
    """A sign-in of a device. Times are Unix seconds, `pause` is the least time between two polls.

    After the user's decision it has `decided_at`, and an account if the user allowed it.
    """

    hash: str
    user_code_hash: str
    client_id: str
    scope: str
    created_at: float
    expires_at: float
    pause: float
    polled_at: float | None = None
    decided_at: float | None = None
    account_id: str | None = None
    amr: str = ""
    authenticated_at: float = 0


_LONGER_SECONDS = 5
_NAMES = tuple(DeviceCode.__slots__)
_CODE = select(*(DEVICE_CODES.c[name] for name in _NAMES))


def add(connection: Connection, code: DeviceCode) -> None:
    """Store a sign-in, and delete the expired ones: strangers can begin many in an hour."""
    connection.execute(delete(DEVICE_CODES).where(DEVICE_CODES.c.expires_at < code.created_at))
    connection.execute(insert(DEVICE_CODES), {name: getattr(code, name) for name in _NAMES})


def undecided(connection: Connection, user_code_hash: str, now: float) -> DeviceCode | None:
    """Return the sign-in of a user code that waits for a decision."""
    query = _CODE.where(
        DEVICE_CODES.c.user_code_hash == user_code_hash,
        DEVICE_CODES.c.decided_at.is_(None),
        DEVICE_CODES.c.expires_at > now,
    )
    row = connection.execute(query).mappings().first()
    return DeviceCode(**row) if row else None


def decide(
    connection: Connection, code: DeviceCode, browser: BrowserSession | None, now: float
) -> bool:
    """Store the decision: the sign-in of the user who allows it, or None for a refusal.

    Return False if there was a decision already, or the user has signed out meanwhile.
    """
    values: dict[str, object] = {"decided_at": now}
    if browser is not None:
        if not browser_sessions.is_live(connection, browser.hash):
            return False
        values |= {
            "account_id": browser.account_id,
            "amr": browser.amr,
            "authenticated_at": browser.authenticated_at,
        }
    this = update(DEVICE_CODES).where(
        DEVICE_CODES.c.hash == code.hash, DEVICE_CODES.c.decided_at.is_(None)
    )
    return connection.execute(this.values(**values)).rowcount > 0


def poll(connection: Connection, hashed: str, client_id: str, now: float) -> DeviceCode | None:
    """Return the sign-in of a client's device code, as it was before this poll.

    A poll that comes too early makes the least time longer (RFC 8628 §3.5).
    """
    query = _CODE.where(DEVICE_CODES.c.hash == hashed, DEVICE_CODES.c.client_id == client_id)
    row = connection.execute(query.with_for_update()).mappings().first()
    if row is None:
        return None
    code = DeviceCode(**row)
    pause = code.pause + (_LONGER_SECONDS if is_early(code, now) else 0)
    this = update(DEVICE_CODES).where(DEVICE_CODES.c.hash == hashed)
    connection.execute(this.values(polled_at=now, pause=pause))
    return code


def is_early(code: DeviceCode, now: float) -> bool:
    """Return whether the device asks again before its time."""
    return code.polled_at is not None and now - code.polled_at < code.pause


def use(
    connection: Connection,
    code: DeviceCode,
    session: Session,
    refresh_hash: str | None,
    expires_at: float,
) -> Account | None:
    """Use up an allowed sign-in and begin its session; None if it counts no more."""
    account = accounts.by_id(connection, session.account_id)
    gone = connection.execute(delete(DEVICE_CODES).where(DEVICE_CODES.c.hash == code.hash))
    if not gone.rowcount or account is None or account.disabled_at is not None:
        return None
    sessions.add(connection, session, refresh_hash, expires_at)
    return account


def remove(connection: Connection, hashed: str) -> None:
    connection.execute(delete(DEVICE_CODES).where(DEVICE_CODES.c.hash == hashed))
