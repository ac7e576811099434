"""Open challenges. Each is answered once, in time, in few tries."""

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth.storage.tables import CHALLENGES


class Purpose(StrEnum):
    SECOND_FACTOR = "second_factor"
    PASSKEY_LOGIN = "passkey_login"
    PASSKEY_REGISTRATION = "passkey_registration"
    UPSTREAM = "upstream"
    IDENTITY = "identity"


@dataclass(frozen=True, kw_only=True, slots=True)
class Challenge:
    """`account_id` is None where the answer names the account; `data` belongs to the asker."""

    hash: str
    account_id: str | None
    purpose: str
    data: str
    created_at: float
    expires_at: float


def add(connection: Connection, challenge: Challenge) -> None:
    row = {name: getattr(challenge, name) for name in Challenge.__slots__}
    connection.execute(insert(CHALLENGES), row)


def add_once(connection: Connection, challenge: Challenge) -> None:
    """Store a challenge, unless it is stored already."""
    with suppress(IntegrityError), connection.begin_nested():
        add(connection, challenge)


def find(connection: Connection, hashed: str, purpose: Purpose, now: float) -> Challenge | None:
    """Return a challenge that may still be answered."""
    columns = [CHALLENGES.c[name] for name in Challenge.__slots__]
    row = connection.execute(
        select(*columns).where(
            CHALLENGES.c.hash == hashed,
            CHALLENGES.c.purpose == purpose.value,
            CHALLENGES.c.used_at.is_(None),
            CHALLENGES.c.expires_at > now,
        )
    ).first()
    return Challenge(**row._mapping) if row else None  # noqa: SLF001 - public, despite its name


def attempt(connection: Connection, hashed: str, now: float, *, most: int) -> bool:
    """Count a try; return whether it is allowed. Other tries of the challenge wait for its end."""
    counted = (
        update(CHALLENGES)
        .where(
            CHALLENGES.c.hash == hashed,
            CHALLENGES.c.used_at.is_(None),
            CHALLENGES.c.expires_at > now,
            CHALLENGES.c.attempts < most,
        )
        .values(attempts=CHALLENGES.c.attempts + 1)
    )
    return connection.execute(counted).rowcount == 1


def use(connection: Connection, hashed: str, now: float) -> bool:
    """Use a challenge up; of several attempts at once only one gets True."""
    used = update(CHALLENGES).where(CHALLENGES.c.hash == hashed, CHALLENGES.c.used_at.is_(None))
    return connection.execute(used.values(used_at=now)).rowcount == 1


def forget(connection: Connection, account_id: str) -> None:
    """Void the open challenges of the account."""
    connection.execute(delete(CHALLENGES).where(CHALLENGES.c.account_id == account_id))
