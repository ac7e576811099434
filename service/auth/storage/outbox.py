"""Tables of messages that wait until their receiver has them: logout notices, webhook messages.

A message is stored in the transaction of its event, so that neither a crash nor a receiver that is
away loses it. A table has the columns `id`, `next_try_at` and `attempts`.
"""

from typing import Any

from sqlalchemy import Connection, Table, delete, select, update

Row = dict[str, Any]
_FIRST_PAUSE_SECONDS = 10
_MOST_DOUBLINGS = 16


def is_due(connection: Connection, table: Table, now: float) -> bool:
    due = select(table.c.id).where(table.c.next_try_at <= now)
    return connection.execute(due.limit(1)).first() is not None


def claim(
    connection: Connection, table: Table, now: float, *, most: int, longest_pause: float
) -> list[Row]:
    """Return messages that are due, the least tried first, and put each off to its next attempt.

    Another process gets none of them until then. `attempts` counts the present attempt. The pause
    doubles with each attempt.
    """
    due = select(table).where(table.c.next_try_at <= now)
    first = due.order_by(table.c.attempts, table.c.next_try_at).limit(most)
    rows = []
    for row in connection.execute(first.with_for_update(skip_locked=True)).mappings().all():
        doubled = _FIRST_PAUSE_SECONDS * 2 ** min(row["attempts"], _MOST_DOUBLINGS)
        claimed = {
            **row,
            "attempts": row["attempts"] + 1,
            "next_try_at": now + min(doubled, longest_pause),
        }
        changed = {name: claimed[name] for name in ("attempts", "next_try_at")}
        connection.execute(update(table).where(table.c.id == row["id"]).values(changed))
        rows.append(claimed)
    return rows


def remove(connection: Connection, table: Table, message_id: str) -> None:
    connection.execute(delete(table).where(table.c.id == message_id))
