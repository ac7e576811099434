"""A cache of rows that were read from the database, valid until anybody commits anything."""

from typing import Generic, TypeVar

from auth.storage.database import Database

Kept = TypeVar("Kept")
_MOST = 4096


class ReadCache(Generic[Kept]):
    """Remembers answers by key; forgets them all at any commit, of other processes too.

    Only where the database can detect a commit in microseconds; elsewhere it remembers nothing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._version: tuple[int, int] | None = None
        self._kept: dict[str, Kept] = {}

    def get(self, key: str) -> Kept | None:
        version = self._database.version()
        if version != self._version:
            self._version = version
            self._kept.clear()
        return self._kept.get(key)

    def put(self, key: str, value: Kept | None) -> None:
        """Remember a row that was read since `get` returned None."""
        if value is None or self._version is None or self._database.version() != self._version:
            return
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[key] = value
