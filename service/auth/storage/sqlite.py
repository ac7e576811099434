"""SQLite: reads on the event loop, in microseconds; writes one after another, in a thread."""

import contextlib
import os
import sqlite3
import threading
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError

from auth.storage.database import LOCK_SECONDS, Answer, Database, P, UnavailableError, Work

_MIGRATION_SECONDS = 60
# Litestream checkpoints at 1000 pages, which is SQLite's own default as well. A checkpoint right
# after another, beside a commit, can damage the database ("The WAL-Reset Bug", before SQLite
# 3.51.3, https://www.sqlite.org/wal.html). So the checkpoints are Litestream's while it runs.
# Without it the log grows to 16 MB.
_CHECKPOINT_PAGES = 4096


class SqliteDatabase(Database):
    """A file with a write-ahead log, so that two releases can share it.

    Readers never wait for a writer, and a read takes less time than its handover to a thread.
    """

    def __init__(self, url: str) -> None:
        super().__init__(threads=1)
        # two connections: readers see nothing of a transaction before it is committed
        path = make_url(url).database or ""
        self._writer = _Held(_engine(url, begin="BEGIN IMMEDIATE"), path)
        self._reader = _Held(_engine(url, begin=None), path)

    async def read(self, work: Work[P, Answer], /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        with self._reader as connection:
            return work(connection, *args, **kwargs)

    def version(self) -> tuple[int, int]:
        with self._reader as connection:
            number: int = _directly(connection, "PRAGMA data_version").fetchone()[0]
            # it counts the commits of others since this connection was opened
            return self._reader.opened, number

    def write_now(self, work: Work[P, Answer], /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        # IMMEDIATE: a transaction that reads first and writes later would fail, not wait
        with self._writer as connection, connection.begin():
            return work(connection, *args, **kwargs)

    def migrate(self, work: Work[[], Answer]) -> Answer:
        with self._writer as connection:
            _directly(connection, f"PRAGMA busy_timeout={_MIGRATION_SECONDS * 1000}")
        try:
            # BEGIN IMMEDIATE is the lock
            return self.write_now(work)
        finally:
            self._writer.drop()

    def close(self) -> None:
        self._pool.close()
        self._reader.drop()
        self._writer.drop()


class _Held:
    """A connection that stays open until it fails: opening SQLite costs more than a query."""

    def __init__(self, engine: Engine, path: str) -> None:
        self._engine, self._path = engine, path
        self._file: tuple[int, int] | None = None
        self._open: Connection | None = None
        self.opened = 0
        self._lock = threading.Lock()

    def __enter__(self) -> Connection:
        self._lock.acquire()
        try:
            self._stay_with_the_file()
            if self._open is None:
                self._open = self._engine.connect()
                self.opened += 1
                self._file = self._found()
        except BaseException:
            self._lock.release()
            raise
        return self._open

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # after any error of the file, only a new connection would see it repaired
        if kind is not None and issubclass(kind, SQLAlchemyError):
            self._close()
        self._lock.release()

    def _stay_with_the_file(self) -> None:
        """Let go of a file that was moved away, and make no empty file in its place.

        SQLite itself goes on in a file that has lost its name, or has got another file's name.
        """
        if self._file is None or self._found() == self._file:
            return
        self._close()
        if self._found() is None:
            raise UnavailableError("the database's file is gone")

    def _found(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self._path)  # noqa: PTH116 - Path takes ten times as long
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def drop(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        connection, self._open = self._open, None
        if connection is not None:
            with contextlib.suppress(SQLAlchemyError):
                connection.close()


def _engine(url: str, *, begin: str | None) -> Engine:
    """Make an engine whose transactions start with the statement `begin`, or not at all."""
    engine = create_engine(
        url, poolclass=NullPool, connect_args={"check_same_thread": False, "timeout": LOCK_SECONDS}
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _: Any) -> None:
        # the driver would begin transactions on its own, and never as IMMEDIATE
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if begin:
            _directly(connection, begin)

    return engine


def _directly(connection: Connection, statement: str) -> sqlite3.Cursor:
    """Run a statement without parameters or rows to convert: SQLAlchemy takes ten times as long."""
    driver: Any = connection.connection.driver_connection
    try:
        cursor: sqlite3.Cursor = driver.execute(statement)
    except sqlite3.Error as error:
        raise UnavailableError(str(error)) from None
    return cursor
