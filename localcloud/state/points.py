"""The data points of metrics, in SQLite: each belongs to a stream of a name and its dimensions.

The points outlive the API server. They are bounded: the oldest go after a day, or beyond a number.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

KEPT_SECONDS = 86400
MOST_POINTS = 200_000
_TRIM_EVERY = 1000  # points
_SCHEMA = """
CREATE TABLE IF NOT EXISTS points (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    compartment TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    dimensions TEXT NOT NULL,
    at REAL NOT NULL,
    value REAL NOT NULL,
    count INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS points_by_stream ON points (compartment, namespace, name, at);
CREATE INDEX IF NOT EXISTS points_by_time ON points (at);
"""


@dataclass(frozen=True, kw_only=True)
class Point:
    """A data point: `at` in seconds since 1970, `count` the number of equal values."""

    compartment: str
    namespace: str
    name: str
    dimensions: Mapping[str, str]
    at: float
    value: float
    count: int = 1


class Points:
    """The data points of all metrics."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_SCHEMA)
        self._untrimmed = 0

    def add(self, points: Iterable[Point]) -> None:
        """Store points; older points beyond the bounds go."""
        rows = [
            (
                *(point.compartment, point.namespace, point.name),
                *(_text(point.dimensions), point.at, point.value, point.count),
            )
            for point in points
        ]
        with self._lock:
            self._database.execute("BEGIN")
            self._database.executemany(
                "INSERT INTO points (compartment, namespace, name, dimensions, at, value, count) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            self._untrimmed += len(rows)
            if self._untrimmed >= _TRIM_EVERY:
                self._untrimmed = 0
                self._trim()
            self._database.execute("COMMIT")

    def between(
        self, compartment: str, namespace: str, name: str, begin: float, end: float
    ) -> list[Point]:
        """Return the points of a metric after `begin` and until `end`, oldest first."""
        with self._lock:
            rows = self._database.execute(
                "SELECT dimensions, at, value, count FROM points WHERE compartment = ? "
                "AND namespace = ? AND name = ? AND at > ? AND at <= ? ORDER BY at, number",
                (compartment, namespace, name, begin, end),
            ).fetchall()
        return [
            Point(
                compartment=compartment,
                namespace=namespace,
                name=name,
                dimensions=json.loads(dimensions),
                at=at,
                value=value,
                count=count,
            )
            for dimensions, at, value, count in rows
        ]

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    def _trim(self) -> None:
        self._database.execute(
            "DELETE FROM points WHERE at < (SELECT max(at) FROM points) - ?", (KEPT_SECONDS,)
        )
        self._database.execute(
            "DELETE FROM points WHERE number <= (SELECT max(number) FROM points) - ?",
            (MOST_POINTS,),
        )


def _text(dimensions: Mapping[str, str]) -> str:
    return json.dumps(dict(dimensions), sort_keys=True)
