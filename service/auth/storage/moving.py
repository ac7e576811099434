"""The move of all tables into another database, which is checked before the move counts.

A source that was moved has a mark, a table of its own: the service does not start on it any more.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Double, MetaData, Table, func, insert, inspect, select
from sqlalchemy import text as sql

from auth.storage import schema
from auth.storage.database import Database
from auth.storage.tables import ACCOUNTS, AUDIT_EVENTS, METADATA

_BATCH = 1000
_ROWS_IN_A_SECOND = 2000  # 40,000 rows took 17 s, on two busy cores
_MARK = Table("moved_away", MetaData(), Column("at", Double, nullable=False))


class MoveError(Exception):
    """The move was not made; the text gives the reason."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """The rows of each table, and the expected seconds of a move."""

    rows: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.rows.values())

    @property
    def seconds(self) -> int:
        return 2 + self.total // _ROWS_IN_A_SECOND


def size(connection: Connection) -> Size:
    return Size(rows={table.name: _count(connection, table) for table in METADATA.sorted_tables})


def move(
    source: Database,
    target: Database,
    *,
    over: bool,
    now: float,
    show: Callable[[str, int], None],
) -> Mapping[str, int]:
    """Copy all rows into the target in one transaction; return the rows of each table.

    Nobody writes to the source meanwhile. A target with accounts is replaced only with `over`. Each
    table's rows are read again from the target and compared. After a failure the target is as it
    was; at the end the source has its mark.
    """
    schema.migrate(target)

    def copy(reader: Connection) -> Mapping[str, int]:
        if schema.state(reader) is not schema.State.CURRENT:
            raise MoveError("A newer release was here; move the database with that release.")
        _keep_writers_out(reader)
        moved: Mapping[str, int] = target.migrate(lambda writer: _copy(reader, writer, over, show))
        _mark(reader, now)
        return moved

    return source.migrate(copy)


def stay(connection: Connection) -> None:
    """Take the mark from a database, so that the service starts on it again."""
    _MARK.drop(connection, checkfirst=True)


def moved_at(connection: Connection) -> float | None:
    """Return the time at which the accounts moved away; None if they did not."""
    if not inspect(connection).has_table(_MARK.name):
        return None
    return float(connection.execute(select(func.max(_MARK.c.at))).scalar_one())


def _copy(
    reader: Connection, writer: Connection, over: bool, show: Callable[[str, int], None]
) -> Mapping[str, int]:
    if (present := _count(writer, ACCOUNTS)) and not over:
        raise MoveError(
            f"The target has {present} accounts already. Nothing was changed. To replace all of "
            "its data, say so: OVER=yes of `make move-database`, or --over."
        )
    stay(writer)
    for table in reversed(METADATA.sorted_tables):
        writer.execute(table.delete())
    moved = {}
    for table in METADATA.sorted_tables:
        before = _sum(_written(reader, writer, table))
        after = _sum(_batches(writer, table))
        if before != after:
            raise MoveError(
                f"The table {table.name} has {before[0]} rows, and {after[0]} in the target, or "
                "other content there. The target is as it was."
            )
        moved[table.name] = before[0]
        show(table.name, before[0])
    if writer.dialect.name == "postgresql":
        # the rows brought their numbers, and the next event takes the next
        writer.execute(_NEXT_EVENT)
    return moved


_NEXT_EVENT = sql(
    f"SELECT setval(pg_get_serial_sequence('{AUDIT_EVENTS.name}', 'id'), "  # noqa: S608 - ours
    f"COALESCE(max(id), 1), max(id) IS NOT NULL) FROM {AUDIT_EVENTS.name}"
)


def _keep_writers_out(connection: Connection) -> None:
    # SQLite's transaction has the only lock for writers
    if connection.dialect.name == "postgresql":
        names = ", ".join(table.name for table in METADATA.sorted_tables)
        connection.execute(sql(f"LOCK TABLE {names} IN SHARE MODE"))


def _mark(connection: Connection, now: float) -> None:
    stay(connection)
    _MARK.create(connection)
    connection.execute(insert(_MARK), {"at": now})


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _batches(connection: Connection, table: Table) -> Iterator[Sequence[Any]]:
    result = connection.execute(select(table), execution_options={"yield_per": _BATCH})
    yield from result.partitions()


def _written(reader: Connection, writer: Connection, table: Table) -> Iterator[Sequence[Any]]:
    """Copy the rows of a table; yield each batch once it is written."""
    for rows in _batches(reader, table):
        writer.execute(insert(table), [dict(row._mapping) for row in rows])  # noqa: SLF001 - SQLAlchemy's own name
        yield rows


def _sum(batches: Iterable[Sequence[Any]]) -> tuple[int, int]:
    """Return the number of rows, and the sum of their hashes: the same in each order of them."""
    count = total = 0
    for rows in batches:
        for row in rows:
            digest = hashlib.sha256(json.dumps(list(row)).encode()).digest()
            count, total = count + 1, (total + int.from_bytes(digest)) % (1 << 256)
    return count, total
