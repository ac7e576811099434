"""The objects of Object Storage: an index in SQLite, and a file for the content of each version.

The bucket is versioned: a new object of the same key hides the earlier version, and a deleted
object is hidden by a marker. The content of hidden versions stays.
"""

import hashlib
import json
import sqlite3
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS versions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    file TEXT,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    modified TEXT NOT NULL,
    metadata TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS versions_by_key ON versions (key, number);
"""
# the newest version of each key, unless it is a marker
_VISIBLE = """
SELECT key, file, size, etag, modified, metadata FROM versions
WHERE number IN (SELECT max(number) FROM versions GROUP BY key) AND file IS NOT NULL
"""


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """The newest version of an object; `size` is in bytes, `etag` the MD5 of its content."""

    key: str
    file: Path
    size: int
    etag: str
    modified: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)  # the client's own headers


class Objects:
    """The objects of the bucket. The content reaches the disk before the index names it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "content").mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._index = sqlite3.connect(
            folder / "index.sqlite", isolation_level=None, check_same_thread=False
        )
        self._index.execute("PRAGMA journal_mode = WAL")
        self._index.executescript(_SCHEMA)

    def put(self, key: str, content: bytes, metadata: Mapping[str, str]) -> str:
        """Store a new version; return its etag."""
        name = uuid.uuid4().hex
        (self._folder / "content" / name).write_bytes(content)
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        self._add(key, name, len(content), etag, metadata)
        return etag

    def delete(self, key: str) -> None:
        """Hide an object; its versions stay."""
        if self.get(key):
            self._add(key, None, 0, "", {})

    def get(self, key: str) -> StoredObject | None:
        """Return the newest version; None if there is no such object, or a marker hides it."""
        with self._lock:
            row = self._index.execute(f"{_VISIBLE} AND key = ?", (key,)).fetchone()
        return self._read(row) if row else None

    def below(self, prefix: str) -> list[StoredObject]:
        """Return the objects whose keys begin with the prefix, in the order of their keys."""
        with self._lock:
            rows = self._index.execute(
                f"{_VISIBLE} AND substr(key, 1, ?) = ? ORDER BY key", (len(prefix), prefix)
            ).fetchall()
        return [self._read(row) for row in rows]

    def close(self) -> None:
        """Close the index."""
        with self._lock:
            self._index.close()

    def _add(
        self, key: str, name: str | None, size: int, etag: str, metadata: Mapping[str, str]
    ) -> None:
        modified = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._lock:
            self._index.execute(
                "INSERT INTO versions (key, file, size, etag, modified, metadata) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (key, name, size, etag, modified, json.dumps(dict(metadata))),
            )

    def _read(self, row: tuple[str, str, int, str, str, str]) -> StoredObject:
        key, name, size, etag, modified, metadata = row
        return StoredObject(
            key=key,
            file=self._folder / "content" / name,
            size=size,
            etag=etag,
            modified=datetime.fromisoformat(modified),
            metadata=json.loads(metadata),
        )
