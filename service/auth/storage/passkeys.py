"""WebAuthn credentials: the public keys of passkeys and security keys."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth.storage.tables import WEBAUTHN_CREDENTIALS


class KnownPasskeyError(Exception):
    """A credential with this id is registered already."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Passkey:
    """`id` and `public_key` are base64url, `transports` has spaces; times are Unix seconds."""

    id: str
    account_id: str
    public_key: str
    sign_count: int
    transports: str
    aaguid: str
    backed_up: bool
    name: str
    created_at: float
    last_used_at: float | None = None


_COLUMNS = [WEBAUTHN_CREDENTIALS.c[name] for name in Passkey.__slots__]


def add(connection: Connection, passkey: Passkey) -> None:
    row = {name: getattr(passkey, name) for name in Passkey.__slots__}
    try:
        with connection.begin_nested():
            connection.execute(insert(WEBAUTHN_CREDENTIALS), row)
    except IntegrityError:
        raise KnownPasskeyError from None


def by_id(connection: Connection, identity: str) -> Passkey | None:
    query = select(*_COLUMNS).where(WEBAUTHN_CREDENTIALS.c.id == identity)
    row = connection.execute(query).mappings().first()
    return Passkey(**row) if row else None


def every(connection: Connection, account_id: str) -> list[Passkey]:
    query = select(*_COLUMNS).where(WEBAUTHN_CREDENTIALS.c.account_id == account_id)
    rows = connection.execute(query.order_by(WEBAUTHN_CREDENTIALS.c.created_at)).mappings()
    return [Passkey(**row) for row in rows]


def used(connection: Connection, passkey: Passkey, count: int, backed_up: bool, now: float) -> bool:
    """Store the new counter; return False if another use got ahead (WebAuthn §6.1.1)."""
    counted = update(WEBAUTHN_CREDENTIALS).where(
        WEBAUTHN_CREDENTIALS.c.id == passkey.id,
        WEBAUTHN_CREDENTIALS.c.sign_count == passkey.sign_count,
    )
    values = {"sign_count": count, "backed_up": backed_up, "last_used_at": now}
    return connection.execute(counted.values(values)).rowcount == 1


def rename(connection: Connection, account_id: str, identity: str, name: str) -> Passkey | None:
    named = update(WEBAUTHN_CREDENTIALS).where(
        WEBAUTHN_CREDENTIALS.c.id == identity, WEBAUTHN_CREDENTIALS.c.account_id == account_id
    )
    if not connection.execute(named.values(name=name)).rowcount:
        return None
    return by_id(connection, identity)


def remove(connection: Connection, account_id: str, identity: str) -> bool:
    gone = delete(WEBAUTHN_CREDENTIALS).where(
        WEBAUTHN_CREDENTIALS.c.id == identity, WEBAUTHN_CREDENTIALS.c.account_id == account_id
    )
    return connection.execute(gone).rowcount == 1
