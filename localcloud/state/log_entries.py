"""The entries that were posted to custom logs, in SQLite. The oldest go beyond a number.

Any process may read them, beside the API server, which writes them.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import astuple, dataclass, fields
from pathlib import Path

MOST_ENTRIES = 100_000
_TRIM_EVERY = 1000  # entries
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    log TEXT NOT NULL,
    at REAL NOT NULL,
    source TEXT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    data TEXT NOT NULL
);
"""


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """An entry of a log: `id` is its sender's, `at` in seconds since 1970."""

    id: str
    log: str
    at: float
    source: str
    type: str
    subject: str
    data: str


_COLUMNS = ", ".join(field.name for field in fields(LogEntry))


class LogEntries:
    """The entries of all logs."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_SCHEMA)
        self._untrimmed = 0

    def add(self, entries: Iterable[LogEntry]) -> None:
        """Store entries; older entries beyond the bound go."""
        rows = [astuple(entry) for entry in entries]
        with self._lock:
            self._database.execute("BEGIN")
            self._database.executemany(
                f"INSERT INTO entries ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                rows,
            )
            self._untrimmed += len(rows)
            if self._untrimmed >= _TRIM_EVERY:
                self._untrimmed = 0
                self._database.execute(
                    "DELETE FROM entries WHERE number <= (SELECT max(number) FROM entries) - ?",
                    (MOST_ENTRIES,),
                )
            self._database.execute("COMMIT")

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()


def stored(file: Path) -> Iterator[LogEntry]:
    """Yield the entries in a file, in the order of their arrival; none if it is not there yet."""
    if not file.exists():
        return
    with closing(sqlite3.connect(file)) as database:
        for row in database.execute(f"SELECT {_COLUMNS} FROM entries ORDER BY number"):  # noqa: S608
            yield LogEntry(**dict(zip(_COLUMNS.split(", "), row, strict=True)))
