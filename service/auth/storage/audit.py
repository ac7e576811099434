"""The audit log's table."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from auth.storage.tables import AUDIT_EVENTS

_ADD = insert(AUDIT_EVENTS)


def add(connection: Connection, event: Mapping[str, Any]) -> None:
    connection.execute(_ADD, event)


def trim(connection: Connection, *, keep: int, most: int) -> tuple[int, int]:
    """Delete up to `most` of the oldest events beyond the newest `keep`.

    Return the numbers of deleted and of kept events. Ids grow by one, and a write that failed may
    leave a gap: the number of kept events is an upper bound.
    """
    ids = AUDIT_EVENTS.c.id
    oldest, newest = connection.execute(select(func.min(ids), func.max(ids))).one()
    if newest is None:
        return 0, 0
    over = select(ids).where(ids <= newest - keep).order_by(ids).limit(most)
    removed = connection.execute(delete(AUDIT_EVENTS).where(ids.in_(over))).rowcount
    return removed, newest - oldest + 1 - removed


def page(
    connection: Connection,
    *,
    before: int | None,
    size: int,
    event: str | None = None,
    account_id: str | None = None,
) -> list[Mapping[str, Any]]:
    """Return up to `size` events, newest first, with ids lower than `before`."""
    wanted = select(AUDIT_EVENTS).order_by(AUDIT_EVENTS.c.id.desc()).limit(size)
    if before is not None:
        wanted = wanted.where(AUDIT_EVENTS.c.id < before)
    if event is not None:
        wanted = wanted.where(AUDIT_EVENTS.c.event == event)
    if account_id is not None:
        wanted = wanted.where(AUDIT_EVENTS.c.account_id == account_id)
    return [dict(row) for row in connection.execute(wanted).mappings()]
