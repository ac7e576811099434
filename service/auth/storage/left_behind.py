"""Refuses to start on a database without the accounts, while another database has them.

The data folder has the SQLite database, and a note of the service's last start on PostgreSQL.
"""

import contextlib
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, make_url, select

from auth.errors import SettingsError
from auth.storage import moving
from auth.storage.database import Database
from auth.storage.tables import ACCOUNTS

FILE = "auth.sqlite"
_NOTE = "postgresql"  # in the data folder


def refuse(database: Database, url: str, data_dir: str) -> None:
    """Raise SettingsError if this database is empty, and the accounts are in the other kind's.

    A start on PostgreSQL is noted in the data folder, for a later start on SQLite.
    """
    file, note = Path(data_dir) / FILE, Path(data_dir) / _NOTE
    address = make_url(url)
    if (moved := database.write_now(moving.moved_at)) is not None:
        at = datetime.fromtimestamp(moved, UTC).isoformat(timespec="seconds")
        raise SettingsError(
            f"The service can't start:\n  The accounts moved from this database at {at}. "
            "Take the other database again, or move them back (docs/postgresql.md)."
        )
    is_empty = not database.write_now(_has_accounts)
    if address.get_backend_name() == "sqlite":
        if is_empty and (noted := _read(note)):
            raise SettingsError(
                f"The service can't start:\n  {address.database} has no accounts, and the service "
                f"last ran on PostgreSQL at {noted}. Take that database again, or move its "
                f"accounts: make move-database TO=sqlite. To begin without them, delete {note}."
            )
        return
    if is_empty and (count := _accounts_in(file)):
        raise SettingsError(
            f"The service can't start:\n  PostgreSQL at {address.host}/{address.database} has no "
            f"accounts, and {file} has {count}. Move them: make move-database TO=postgresql. To "
            "begin without them, rename that file, and its -wal and -shm with it."
        )
    _write(note, f"{address.host}/{address.database}")


def _has_accounts(connection: Connection) -> bool:
    return connection.execute(select(ACCOUNTS.c.id).limit(1)).first() is not None


def _accounts_in(file: Path) -> int:
    """Count the accounts in a SQLite database, which may be missing or have no tables yet."""
    if not file.exists():
        return 0
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM accounts").fetchone()[0])
        except sqlite3.Error as error:
            if "no such table" in str(error):
                return 0
            raise SettingsError(
                f"The service can't start:\n  {file}, from before PostgreSQL, can't be read: "
                f"{error}."
            ) from None


def _read(note: Path) -> str:
    return note.read_text().strip() if note.exists() else ""


def _write(note: Path, text: str) -> None:
    # a container without a data folder has no SQLite database to fall back to, either
    with contextlib.suppress(OSError):
        if _read(note) != text:
            note.write_text(f"{text}\n")
