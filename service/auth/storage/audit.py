"""The audit log's table."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select

from auth.storage.tables import AUDIT_EVENTS

_ADD = insert(AUDIT_EVENTS)


def add(connection: Connection, event: Mapping[str, Any]) -> None:
    connection.execute(_ADD, event)


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
