"""Second factors of accounts: TOTP secrets, recovery codes, and their counts."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import (
    BindParameter,
    Connection,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from auth.storage.tables import ACCOUNTS, RECOVERY_CODES, TOTP_SECRETS, WEBAUTHN_CREDENTIALS


@dataclass(frozen=True, kw_only=True, slots=True)
class Factors:
    """The factors of an account. Recovery codes alone are no factor: they only stand in for it."""

    totp: bool
    passkeys: int
    recovery_codes: int

    def __bool__(self) -> bool:
        return self.totp or self.passkeys > 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Totp:
    """`secret` is sealed; `last_step` is the time step of the last code that was accepted."""

    secret: str
    confirmed: bool
    last_step: int


_WHOSE: BindParameter[str] = bindparam("account")
_OF = select(
    select(func.count())
    .where(TOTP_SECRETS.c.account_id == _WHOSE, TOTP_SECRETS.c.confirmed_at.is_not(None))
    .scalar_subquery(),
    select(func.count()).where(WEBAUTHN_CREDENTIALS.c.account_id == _WHOSE).scalar_subquery(),
    select(func.count())
    .where(RECOVERY_CODES.c.account_id == _WHOSE, RECOVERY_CODES.c.used_at.is_(None))
    .scalar_subquery(),
)


# of an account that the query around it selects
HAS_ANY = or_(
    exists().where(
        TOTP_SECRETS.c.account_id == ACCOUNTS.c.id, TOTP_SECRETS.c.confirmed_at.is_not(None)
    ),
    exists().where(WEBAUTHN_CREDENTIALS.c.account_id == ACCOUNTS.c.id),
)


def of(connection: Connection, account_id: str) -> Factors:
    row = connection.execute(_OF, {"account": account_id}).one()
    return Factors(totp=bool(row[0]), passkeys=row[1], recovery_codes=row[2])


def totp(connection: Connection, account_id: str) -> Totp | None:
    row = connection.execute(
        select(TOTP_SECRETS.c.secret, TOTP_SECRETS.c.confirmed_at, TOTP_SECRETS.c.last_step).where(
            TOTP_SECRETS.c.account_id == account_id
        )
    ).first()
    if row is None:
        return None
    return Totp(secret=row[0], confirmed=row[1] is not None, last_step=row[2] or 0)


def begin_totp(connection: Connection, account_id: str, secret: str, now: float) -> bool:
    """Store a secret to be confirmed; return False if the account has a confirmed secret."""
    totp_secret = totp(connection, account_id)
    if totp_secret is not None and totp_secret.confirmed:
        return False
    unconfirmed = delete(TOTP_SECRETS).where(
        TOTP_SECRETS.c.account_id == account_id, TOTP_SECRETS.c.confirmed_at.is_(None)
    )
    connection.execute(unconfirmed)
    row = {"account_id": account_id, "secret": secret, "created_at": now}
    connection.execute(insert(TOTP_SECRETS), row)
    return True


def confirm_totp(connection: Connection, account_id: str, now: float) -> None:
    """Let the account's secret count from now on."""
    confirmed = update(TOTP_SECRETS).where(TOTP_SECRETS.c.account_id == account_id)
    connection.execute(confirmed.values(confirmed_at=now))


def use_step(connection: Connection, account_id: str, step: int) -> bool:
    """Use up a time step with all before it (RFC 6238 §5.2); of several at once one succeeds."""
    used = update(TOTP_SECRETS).where(
        TOTP_SECRETS.c.account_id == account_id,
        or_(TOTP_SECRETS.c.last_step.is_(None), TOTP_SECRETS.c.last_step < step),
    )
    return connection.execute(used.values(last_step=step)).rowcount == 1


def remove_totp(connection: Connection, account_id: str) -> bool:
    gone = delete(TOTP_SECRETS).where(TOTP_SECRETS.c.account_id == account_id)
    return connection.execute(gone).rowcount == 1


def replace_codes(
    connection: Connection, account_id: str, hashes: Iterable[str], now: float
) -> None:
    """Store these recovery codes in place of earlier codes."""
    connection.execute(delete(RECOVERY_CODES).where(RECOVERY_CODES.c.account_id == account_id))
    rows = [{"account_id": account_id, "hash": one, "created_at": now} for one in hashes]
    if rows:
        connection.execute(insert(RECOVERY_CODES), rows)


def use_code(connection: Connection, account_id: str, hashed: str, now: float) -> bool:
    """Use up a recovery code; of several at once only one succeeds."""
    used = update(RECOVERY_CODES).where(
        RECOVERY_CODES.c.account_id == account_id,
        RECOVERY_CODES.c.hash == hashed,
        RECOVERY_CODES.c.used_at.is_(None),
    )
    return connection.execute(used.values(used_at=now)).rowcount == 1


def remove_all(connection: Connection, account_id: str) -> bool:
    """Remove every factor; return whether there was any."""
    had = bool(of(connection, account_id))
    for table in (TOTP_SECRETS, RECOVERY_CODES, WEBAUTHN_CREDENTIALS):
        connection.execute(delete(table).where(table.c.account_id == account_id))
    return had
