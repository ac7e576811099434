"""Brings a database to this release's schema, beside a release that still uses the earlier schema.

Migrations only add (tables, columns with a default, indexes). A release removes only things that
the release before it no longer used: then no code that reads them can run any more.
"""

import os
from enum import Enum
from pathlib import Path

from sqlalchemy import Connection, inspect
from sqlalchemy import text as sql

from auth.errors import SettingsError
from auth.storage.backends import connect
from auth.storage.database import Database

# the newest migration; alembic, which knows it too, takes 100 ms to import
HEAD = "0012"
KNOWN = tuple(f"{number:04}" for number in range(1, int(HEAD) + 1))
_SCRIPTS = Path(__file__).parent / "migrations"


class State(Enum):
    """How the schema relates to this release."""

    BEHIND = "behind"
    CURRENT = "current"
    # a newer release was here; by the rule above, this release works with its schema
    AHEAD = "ahead"


def migrate(database: Database) -> State:
    """Apply the migrations that are missing; return the state that was found."""
    if (earlier := database.write_now(state)) is State.BEHIND:
        # once more: another process may have migrated while this process waited for the lock
        database.migrate(_upgrade)
    return earlier


def prepare(database: Database, *, migrates: bool) -> None:
    """Apply the migrations that are missing; raise SettingsError if another process has to."""
    if migrates:
        migrate(database)
    elif database.write_now(state) is State.BEHIND:
        raise SettingsError(
            "The service can't start:\n  The database does not have the tables of this release, "
            "and AUTH_MIGRATE_AT_START is false. Migrate first: python -m auth migrate"
        )


def migrate_apart(url: str) -> None:
    """Apply the migrations that are missing, in a process of its own, and wait for its end.

    alembic takes 8 MB, which a process that serves would keep for ever. A failure is silent:
    `migrate` follows, meets it again and raises its error. Nothing of the database may be open yet,
    as SQLite does not survive a fork.
    """
    if (pid := os.fork()) == 0:
        try:
            migrate(connect(url))
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def state(connection: Connection) -> State:
    if not inspect(connection).has_table("alembic_version"):
        return State.BEHIND
    versions = {str(row[0]) for row in connection.execute(_VERSIONS)}
    if HEAD in versions:
        return State.CURRENT
    return State.BEHIND if versions <= set(KNOWN) else State.AHEAD


_VERSIONS = sql("SELECT version_num FROM alembic_version")


def _upgrade(connection: Connection) -> None:
    if state(connection) is not State.BEHIND:
        return
    from alembic import command  # noqa: PLC0415 - see HEAD
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
