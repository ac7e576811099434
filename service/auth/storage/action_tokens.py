"""Action tokens in mailed links: each has a purpose, works once, and expires."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, delete, insert, select, update

from auth.storage.tables import ACTION_TOKENS


class Purpose(StrEnum):
    VERIFY_EMAIL = "verify_email"
    CHANGE_EMAIL = "change_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - the name of a purpose


@dataclass(frozen=True, slots=True)
class Action:
    """The permission of a token: `purpose`, for an account, with the address of the mail."""

    account_id: str
    purpose: Purpose
    email: str


def add(connection: Connection, hashed: str, action: Action, *, now: float, seconds: float) -> None:
    """Store a token; earlier tokens of the account for the same purpose work no more."""
    forget(connection, action.account_id, action.purpose)
    row = {
        "hash": hashed,
        "account_id": action.account_id,
        "purpose": action.purpose.value,
        "email": action.email,
        "created_at": now,
        "expires_at": now + seconds,
    }
    connection.execute(insert(ACTION_TOKENS), row)


def find(connection: Connection, hashed: str, now: float) -> Action | None:
    """Return the permission of a token, None if it is unknown, used or expired."""
    row = connection.execute(
        select(ACTION_TOKENS.c.account_id, ACTION_TOKENS.c.purpose, ACTION_TOKENS.c.email).where(
            ACTION_TOKENS.c.hash == hashed,
            ACTION_TOKENS.c.used_at.is_(None),
            ACTION_TOKENS.c.expires_at > now,
        )
    ).first()
    return Action(row[0], Purpose(row[1]), row[2]) if row else None


def use(connection: Connection, hashed: str, now: float) -> Action | None:
    """Use a token up and return its permission; of several uses at once only one gets it."""
    action = find(connection, hashed, now)
    used = update(ACTION_TOKENS).where(
        ACTION_TOKENS.c.hash == hashed, ACTION_TOKENS.c.used_at.is_(None)
    )
    taken = connection.execute(used.values(used_at=now)).rowcount == 1
    return action if taken else None


def forget(connection: Connection, account_id: str, *purposes: Purpose) -> None:
    """Make the account's tokens for these purposes useless."""
    connection.execute(
        delete(ACTION_TOKENS).where(
            ACTION_TOKENS.c.account_id == account_id,
            ACTION_TOKENS.c.purpose.in_([purpose.value for purpose in purposes]),
        )
    )
