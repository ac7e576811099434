"""The store: resources in SQLite, which outlive the API server.

A resource is read again before it is stored, so that the store never takes a resource that its own
reader refuses. A resource can be unreadable all the same: another version of the emulator wrote it,
or somebody spoiled it. It is left out and logged; all others work.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from localcloud.api import errors
from localcloud.api.wire import Resource

R = TypeVar("R", bound=Resource)

log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    ocid TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS records_by_kind ON records (kind);
CREATE TABLE IF NOT EXISTS retries (
    token TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    ocid TEXT NOT NULL
);
"""


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A stored resource that can't be read; `reason` is a single line."""

    ocid: str
    kind: str
    reason: str


class Store:
    """Resources by OCID. A single writer at a time: every change happens inside `transaction()`."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.RLock()
        self._database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.executescript(_SCHEMA)
        self._depth = 0
        self._afterwards: list[Callable[[], None]] = []
        self._unreadable: dict[str, Unreadable] = {}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all changes or nothing; an inner transaction is part of the outer transaction."""
        with self._lock:
            if self._depth:
                yield
                return
            self._database.execute("BEGIN IMMEDIATE")
            self._depth, self._afterwards = 1, []
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            else:
                self._database.execute("COMMIT")
            finally:
                self._depth = 0
            afterwards = self._afterwards
        for callback in afterwards:
            callback()

    def afterwards(self, callback: Callable[[], None]) -> None:
        """Call back once the running transaction is committed and its lock released."""
        self._afterwards.append(callback)

    def put(self, resource: R) -> R:
        """Store a resource; raises ValidationError if it could not be read again."""
        body = resource.model_dump_json()
        type(resource).model_validate_json(body)
        with self._lock:
            self._database.execute(
                "INSERT INTO records (ocid, kind, body) VALUES (?, ?, ?) "
                "ON CONFLICT (ocid) DO UPDATE SET body = excluded.body",
                (resource.ocid, resource.kind, body),
            )
        return resource

    def remove(self, ocid: str) -> None:
        """Delete a resource, readable or not."""
        with self._lock:
            self._database.execute("DELETE FROM records WHERE ocid = ?", (ocid,))
            self._unreadable.pop(ocid, None)

    def find(self, kind: type[R], **equal: Any) -> list[R]:
        """Return the resources of a kind whose fields have these values, oldest first.

        Unreadable resources are left out.
        """
        with self._lock:
            rows = self._database.execute(
                "SELECT ocid, body FROM records WHERE kind = ? ORDER BY number", (kind.kind,)
            ).fetchall()
        resources = [resource for row in rows if (resource := self._read(kind, *row)) is not None]
        return [r for r in resources if all(getattr(r, key) == equal[key] for key in equal)]

    def get(self, kind: type[R], ocid: str) -> R:
        """Return the resource, or answer 404 as for any OCID that is not yours."""
        with self._lock:
            row = self._database.execute(
                "SELECT body FROM records WHERE ocid = ? AND kind = ?", (ocid, kind.kind)
            ).fetchone()
        if row is None:
            raise errors.not_found()
        resource = self._read(kind, ocid, row[0])
        if resource is None:
            raise errors.unreadable_resource(ocid, self._unreadable[ocid].reason)
        return resource

    def look_up(self, kind: type[R], ocid: str) -> R | None:
        """Return the resource, or None if it is gone or unreadable."""
        try:
            return self.get(kind, ocid)
        except errors.ApiError:
            return None

    def unreadable(self) -> list[Unreadable]:
        """Return the resources that were left out since the emulator started."""
        return list(self._unreadable.values())

    def _read(self, kind: type[R], ocid: str, body: str) -> R | None:
        """Read a resource. Fields that a newer version of the emulator added are passed over."""
        try:
            return kind.model_validate_json(body, extra="ignore")
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            place = ".".join(map(str, problem["loc"])) or "the resource"
            reason = f"{place}: {problem['msg']}"
        if ocid not in self._unreadable:
            log.error("The resource of %s can't be read and is left out: %s", ocid, reason)
            self._unreadable[ocid] = Unreadable(ocid=ocid, kind=kind.kind, reason=reason)
        return None

    def related(self, kind: type[R], field: str, ocid: str) -> R:
        """Return the resource that a request's body refers to in `field`, or answer 400."""
        try:
            return self.get(kind, ocid)
        except errors.ApiError as error:
            raise errors.related_resource_not_found(field, ocid) from error

    def mentions(self, ocid: str) -> list[tuple[str, str, str | None]]:
        """Return kind, OCID and lifecycle state of the other resources that hold this OCID."""
        with self._lock:
            return self._database.execute(
                "SELECT kind, ocid, "
                "CASE WHEN json_valid(body) THEN json_extract(body, '$.lifecycle_state') END "
                "FROM records WHERE ocid != ? AND instr(body, ?) ORDER BY number",
                (ocid, ocid),
            ).fetchall()

    def recall_retry(self, token: str, request: str) -> str | None:
        """Return the OCID which the same request made under this retry token earlier."""
        with self._lock:
            row = self._database.execute(
                "SELECT request, ocid FROM retries WHERE token = ?", (token,)
            ).fetchone()
        if row is None:
            return None
        if row[0] != request:
            raise errors.invalidated_retry_token()
        return str(row[1])

    def remember_retry(self, token: str, request: str, ocid: str) -> None:
        """Store the OCID that a request with a retry token created."""
        with self._lock:
            self._database.execute(
                "INSERT INTO retries (token, request, ocid) VALUES (?, ?, ?)",
                (token, request, ocid),
            )

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()
