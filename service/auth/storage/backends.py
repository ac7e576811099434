"""The choice of the database's backend, by its URL."""

from sqlalchemy import make_url

from auth.storage.database import Database
from auth.storage.sqlite import SqliteDatabase


def connect(url: str) -> Database:
    """Return the database at a SQLAlchemy URL; nothing is opened yet."""
    if make_url(url).get_backend_name() == "sqlite":
        return SqliteDatabase(url)
    from auth.storage.postgres import PostgresDatabase  # noqa: PLC0415 - 50 ms that SQLite saves

    return PostgresDatabase(url)
