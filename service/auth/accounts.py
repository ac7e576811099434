"""Accounts in a database: SQLite on the data path by default."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Column,
    Engine,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    insert,
    select,
    update,
)
from sqlalchemy import text as sql
from sqlalchemy.exc import IntegrityError

METADATA = MetaData()
ACCOUNTS = Table(
    "accounts",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("password", String(255), nullable=False),
    Column("created_at", String(32), nullable=False),
)


class EmailTakenError(Exception):
    """Another account has this e-mail address."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """`email` in lower case; `password` is an argon2 hash; `created_at` is RFC 3339, UTC."""

    id: str
    email: str
    password: str
    created_at: str


class Accounts:
    """The accounts of one database. Every method is one transaction."""

    def __init__(self, url: str) -> None:
        self._engine = connect(url)

    def prepare(self) -> None:
        """Create the tables that are not there yet."""
        METADATA.create_all(self._engine)

    def check(self) -> None:
        """Raise SQLAlchemyError unless the database answers and has our tables."""
        with self._engine.connect() as connection:
            connection.execute(sql("SELECT 1 FROM accounts LIMIT 1"))

    def add(self, email: str, password: str) -> Account:
        account = Account(
            id=uuid.uuid4().hex,
            email=normalized(email),
            password=password,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(ACCOUNTS).values(vars(account)))
        except IntegrityError:
            raise EmailTakenError from None
        return account

    def by_email(self, email: str) -> Account | None:
        return self._one(ACCOUNTS.c.email == normalized(email))

    def by_id(self, identity: str) -> Account | None:
        return self._one(ACCOUNTS.c.id == identity)

    def set_password(self, identity: str, password: str) -> None:
        with self._engine.begin() as connection:
            statement = update(ACCOUNTS).where(ACCOUNTS.c.id == identity)
            connection.execute(statement.values(password=password))

    def close(self) -> None:
        self._engine.dispose()

    def _one(self, condition: Any) -> Account | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(ACCOUNTS).where(condition)).mappings().first()
        return Account(**row) if row else None


def connect(url: str) -> Engine:
    """Open the database; SQLite with a write-ahead log, so that two releases can share it."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _configure(connection: Any, _: Any) -> None:
            cursor = connection.cursor()
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=3000"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

    return engine


def normalized(email: str) -> str:
    return email.strip().lower()
