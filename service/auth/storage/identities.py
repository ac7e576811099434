"""Identities: the users of upstreams that may sign in to an account."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth.storage import accounts
from auth.storage.accounts import Account
from auth.storage.tables import IDENTITIES


class IdentityTakenError(Exception):
    """The identity belongs to an account already."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """A user of an upstream, named by `issuer` and `subject`; times are Unix seconds.

    `email` is only shown: it is the address that the upstream confirmed last, or "".
    """

    issuer: str
    subject: str
    account_id: str
    email: str
    created_at: float
    last_used_at: float


_IDENTITY = select(*(IDENTITIES.c[name] for name in Identity.__slots__))


def add(connection: Connection, identity: Identity) -> None:
    row = {name: getattr(identity, name) for name in Identity.__slots__}
    try:
        with connection.begin_nested():
            connection.execute(insert(IDENTITIES), row)
    except IntegrityError:
        raise IdentityTakenError from None


def account_of(connection: Connection, issuer: str, subject: str) -> Account | None:
    """Return the account that an identity belongs to."""
    whose = select(IDENTITIES.c.account_id).where(
        IDENTITIES.c.issuer == issuer, IDENTITIES.c.subject == subject
    )
    account_id = connection.execute(whose).scalar()
    return accounts.by_id(connection, account_id) if account_id else None


def used(connection: Connection, issuer: str, subject: str, email: str, now: float) -> None:
    """Store the time of a sign-in, and the address that the upstream has now."""
    same = (IDENTITIES.c.issuer == issuer) & (IDENTITIES.c.subject == subject)
    connection.execute(update(IDENTITIES).where(same).values(email=email, last_used_at=now))


def of(connection: Connection, account_id: str) -> list[Identity]:
    """Return the identities of an account, the first linked first."""
    query = _IDENTITY.where(IDENTITIES.c.account_id == account_id).order_by(IDENTITIES.c.created_at)
    return [Identity(**row) for row in connection.execute(query).mappings()]


def remove(connection: Connection, account_id: str, issuer: str, subject: str) -> None:
    connection.execute(
        delete(IDENTITIES).where(
            IDENTITIES.c.issuer == issuer,
            IDENTITIES.c.subject == subject,
            IDENTITIES.c.account_id == account_id,
        )
    )


def remove_all(connection: Connection, account_id: str) -> None:
    connection.execute(delete(IDENTITIES).where(IDENTITIES.c.account_id == account_id))
