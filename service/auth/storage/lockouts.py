"""Failed attempts, counted for each subject (`auth.protection.lockout` names subjects)."""

from collections.abc import Callable, Iterable, Mapping

from sqlalchemy import Connection, bindparam, delete, func, or_, select, update
from sqlalchemy import text as sql

from auth.storage.tables import LOCKOUTS

_COUNT = sql("""
INSERT INTO lockouts (subject, failures, failed_at, expires_at)
VALUES (:subject, 1, :now, :expires)
ON CONFLICT (subject) DO UPDATE
SET failures = CASE WHEN lockouts.expires_at < :now THEN 1 ELSE lockouts.failures + 1 END,
    failed_at = :now, expires_at = :expires
RETURNING failures
""")
UNTIL = select(func.max(func.coalesce(LOCKOUTS.c.locked_until, 0))).where(
    or_(LOCKOUTS.c.subject == bindparam("one"), LOCKOUTS.c.subject == bindparam("other"))
)


def until(connection: Connection, one: str, other: str) -> float | None:
    """Return the end of the later lock of two subjects; 0 if unlocked, None without a failure."""
    latest: float | None = connection.execute(UNTIL, {"one": one, "other": other}).scalar()
    return latest


def failed(
    connection: Connection,
    subjects: Mapping[str, Callable[[int], float]],
    *,
    now: float,
    memory: float,
) -> float:
    """Count a failure of each subject, lock after too many; return the end of the lock, or 0.

    Each subject comes with a function from failures to seconds of a lock. Failures are forgotten
    when `memory` seconds passed without another.
    """
    latest = 0.0
    for subject, seconds_of in subjects.items():
        seconds = seconds_of(count(connection, subject, now=now, memory=memory))
        if seconds:
            locked = update(LOCKOUTS).where(LOCKOUTS.c.subject == subject)
            connection.execute(locked.values(locked_until=now + seconds))
            latest = max(latest, now + seconds)
    return latest


def count(connection: Connection, subject: str, *, now: float, memory: float) -> int:
    """Count a failure of a subject, without a lock; return the failures in a row."""
    values = {"subject": subject, "now": now, "expires": now + memory}
    return int(connection.execute(_COUNT, values).scalar_one())


def failures(connection: Connection, subject: str, now: float) -> int:
    """Return the failures in a row of a subject, 0 once they are forgotten."""
    query = select(LOCKOUTS.c.failures).where(
        LOCKOUTS.c.subject == subject, LOCKOUTS.c.expires_at >= now
    )
    return int(connection.execute(query).scalar() or 0)


def clear(connection: Connection, subjects: Iterable[str]) -> None:
    connection.execute(delete(LOCKOUTS).where(LOCKOUTS.c.subject.in_(list(subjects))))
