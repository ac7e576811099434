"""The data of a login before it hashes, in a single query, since a second doubles the cost."""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, literal_column, select

from auth import email_addresses
from auth.storage import accounts, factors, lockouts
from auth.storage.accounts import Account
from auth.storage.tables import ACCOUNTS


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """`locked_until` comes from `lockouts.until`; `has_factor` is False without an account."""

    account: Account | None
    has_factor: bool
    locked_until: float | None


# there is always a row, so that the query also finds the lock of a name without an account
_ANYWAY = select(literal_column("1").label("anyway")).subquery("anyway")
_FIND = select(lockouts.UNTIL.scalar_subquery(), factors.HAS_ANY, *ACCOUNTS.columns).select_from(
    _ANYWAY.outerjoin(ACCOUNTS, ACCOUNTS.c.email == bindparam("email"))
)


def find(connection: Connection, email: str, one: str, other: str) -> Found:
    """Look up an account by its address, and the locks of two subjects."""
    first, *others = email_addresses.spellings(email)
    values = {"one": one, "other": other}
    row = connection.execute(_FIND, {**values, "email": first}).one()
    for spelling in others:
        if row[2] is None:
            row = connection.execute(_FIND, {**values, "email": spelling}).one()
    until, has_factor, *columns = row
    account = accounts.of_row(columns) if columns[0] is not None else None
    return Found(account=account, has_factor=bool(has_factor), locked_until=until)
