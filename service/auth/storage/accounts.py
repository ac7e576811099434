"""Accounts. An address is stored in one spelling, and belongs to a single account."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Double,
    Insert,
    Row,
    Table,
    bindparam,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from auth import email_addresses
from auth.storage.tables import ACCOUNTS

ADMIN, USER = "admin", "user"


class EmailTakenError(Exception):
    """Another account has this e-mail address."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """`password` is an argon2 hash; `created_at` is RFC 3339, UTC; other times are Unix seconds.

    `password_changed_at`: earlier sign-ins count no more. A first second factor sets it as well,
    since the password alone is not enough then; the name is that of the column. `locale` is the
    language of mails, None for the first of the service.
    """

    id: str
    email: str
    password: str
    created_at: str
    email_verified_at: float | None = None
    disabled_at: float | None = None
    role: str = USER
    name: str | None = None
    password_changed_at: float | None = None
    locale: str | None = None


_ACCOUNT = select(ACCOUNTS)
_BY_EMAIL = _ACCOUNT.where(ACCOUNTS.c.email == bindparam("wanted"))
_WITH_EMAIL = select(func.count(ACCOUNTS.c.id)).where(
    ACCOUNTS.c.email.in_(bindparam("spellings", expanding=True))
)
_ADD = insert(ACCOUNTS)
_BY_ID = _ACCOUNT.where(ACCOUNTS.c.id == bindparam("wanted"))
_NAMES = [column.name for column in ACCOUNTS.columns]


def new(email: str, password: str, **more: Any) -> Account:
    """Make an account that is not stored yet."""
    return Account(
        id=uuid.uuid4().hex,
        email=email_addresses.normalized(email),
        password=password,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        **more,
    )


def add(connection: Connection, account: Account) -> None:
    if is_taken(connection, account.email):
        raise EmailTakenError
    try:
        with connection.begin_nested():
            connection.execute(_ADD, _values(account))
    except IntegrityError:
        raise EmailTakenError from None


def is_taken(connection: Connection, email: str) -> bool:
    """Return whether an account has the address in any of its spellings, in the same time."""
    spellings = [*email_addresses.spellings(email)]
    return bool(connection.execute(_WITH_EMAIL, {"spellings": spellings}).scalar())


def by_email(connection: Connection, email: str) -> Account | None:
    """Return the account of an address in any of its spellings."""
    for spelling in email_addresses.spellings(email):
        account = _one(connection.execute(_BY_EMAIL, {"wanted": spelling}).first())
        if account is not None:
            return account
    return None


def by_id(connection: Connection, identity: str) -> Account | None:
    return _one(connection.execute(_BY_ID, {"wanted": identity}).first())


def if_still_valid(table: Table) -> Insert:
    """Return the statement that `add_if_still_valid` inserts a row of the table with."""
    row = [_bound(column) for column in table.columns]
    still_valid = (
        ACCOUNTS.c.id == bindparam("whose"),
        ACCOUNTS.c.password_changed_at.is_not_distinct_from(bindparam("changed_at")),
        ACCOUNTS.c.disabled_at.is_(None),
    )
    names = [column.name for column in table.columns]
    wanted = select(*row).select_from(ACCOUNTS).where(*still_valid).with_for_update(read=True)
    statement = insert(table).from_select(names, wanted)
    # SQLAlchemy discards the row count of an INSERT without this option
    return statement.execution_options(preserve_rowcount=True)


def _bound(column: Column[Any]) -> ColumnElement[Any]:
    bound = bindparam(f"new_{column.name}", type_=column.type)
    # PostgreSQL takes a NULL for a text without a declared type
    return cast(bound, column.type) if isinstance(column.type, Double) else bound


def add_if_still_valid(
    connection: Connection, statement: Insert, account: Account, row: Mapping[str, Any]
) -> bool:
    """Insert a row if the account may sign in with its proven credentials; return whether it may.

    It may not once it is disabled, or its credentials have changed. Such a change waits until this
    transaction ends, and so finds the session that it begins.
    """
    values = {f"new_{name}": value for name, value in row.items()}
    whose = {"whose": account.id, "changed_at": account.password_changed_at}
    return connection.execute(statement, {**values, **whose}).rowcount == 1


def change(connection: Connection, identity: str, /, **values: Any) -> Account | None:
    """Set columns; return the account as it is now, None if it is gone."""
    if "email" in values:
        owner = by_email(connection, values["email"])
        if owner is not None and owner.id != identity:
            raise EmailTakenError
    changed = update(ACCOUNTS).where(ACCOUNTS.c.id == identity).values(values)
    try:
        with connection.begin_nested():
            connection.execute(changed)
    except IntegrityError:
        raise EmailTakenError from None
    return by_id(connection, identity)


def hold(connection: Connection, account: Account) -> bool:
    """Lock an account until this transaction ends; return whether it is as it was read.

    It is not once it is disabled, or its credentials have changed.
    """
    unchanged = select(ACCOUNTS.c.id).where(
        ACCOUNTS.c.id == account.id,
        ACCOUNTS.c.password_changed_at.is_not_distinct_from(account.password_changed_at),
        ACCOUNTS.c.disabled_at.is_(None),
    )
    # others may go on to refer to it
    return connection.execute(unchanged.with_for_update(key_share=True)).first() is not None


def rehash(connection: Connection, account: Account, hashed: str) -> None:
    """Store another hash of the same password, unless the password was changed meanwhile."""
    same = (ACCOUNTS.c.id == account.id) & (ACCOUNTS.c.password == account.password)
    connection.execute(update(ACCOUNTS).where(same).values(password=hashed))


def remove(connection: Connection, identity: str) -> bool:
    """Delete an account with all that belongs to it; its audit events stay."""
    return connection.execute(delete(ACCOUNTS).where(ACCOUNTS.c.id == identity)).rowcount > 0


def page(
    connection: Connection, *, limit: int, after: str | None = None, email: str | None = None
) -> list[Account]:
    """Return accounts, newest first, from behind the account `after`; `email` is part of theirs."""
    query = _ACCOUNT.order_by(ACCOUNTS.c.created_at.desc(), ACCOUNTS.c.id.desc()).limit(limit)
    if email:
        query = query.where(ACCOUNTS.c.email.contains(email.lower(), autoescape=True))
    if after:
        last = by_id(connection, after)
        if last is None:
            return []
        older = ACCOUNTS.c.created_at < last.created_at
        same = (ACCOUNTS.c.created_at == last.created_at) & (ACCOUNTS.c.id < last.id)
        query = query.where(or_(older, same))
    return [Account(**row) for row in connection.execute(query).mappings()]


def next_by_id(connection: Connection, *, after: str, limit: int) -> list[Account]:
    """Return the accounts behind an id, in the order of their ids; "" is before the first."""
    query = _ACCOUNT.where(ACCOUNTS.c.id > after).order_by(ACCOUNTS.c.id).limit(limit)
    return [Account(**row) for row in connection.execute(query).mappings()]


def _values(account: Account) -> dict[str, Any]:
    return {name: getattr(account, name) for name in Account.__slots__}


def of_row(row: Sequence[Any]) -> Account:
    """Return the account of a row with the table's columns first; more columns may follow."""
    return Account(**dict(zip(_NAMES, row, strict=False)))


def _one(row: Row[Any] | None) -> Account | None:
    return of_row(row) if row else None
