"""Leaky buckets: each holds the counted attempts, and leaks at a steady rate."""

from sqlalchemy import Connection
from sqlalchemy import text as sql

_LEFT = """(CASE WHEN rate_limits.level > (:now - rate_limits.updated_at) * :rate
    THEN rate_limits.level - (:now - rate_limits.updated_at) * :rate ELSE 0 END)"""
# a single statement, so that two processes that share the database count right
_POUR = sql(f"""
INSERT INTO rate_limits (bucket, level, updated_at, expires_at)
VALUES (:bucket, :amount, :now, :expires)
ON CONFLICT (bucket) DO UPDATE
SET level = {_LEFT} + :amount, updated_at = :now, expires_at = :expires
WHERE {_LEFT} + :amount <= :capacity
RETURNING level
""")  # noqa: S608 - no value is in it
_LEVEL = sql(f"SELECT {_LEFT} FROM rate_limits WHERE bucket = :bucket")  # noqa: S608


def pour(
    connection: Connection, bucket: str, *, amount: float, capacity: float, rate: float, now: float
) -> tuple[bool, float]:
    """Add to a bucket that leaks `rate` a second; return whether it fitted, and the level now.

    An amount that does not fit changes nothing: a refused attempt prolongs no wait.
    """
    values = {"bucket": bucket, "amount": amount, "capacity": capacity, "rate": rate, "now": now}
    poured = connection.execute(_POUR, {**values, "expires": now + capacity / rate}).scalar()
    if poured is not None:
        return True, float(poured)
    level = connection.execute(_LEVEL, {"bucket": bucket, "rate": rate, "now": now}).scalar()
    return False, float(level or 0)
