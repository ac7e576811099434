"""PostgreSQL: a small pool of connections, each used from a thread."""

from functools import partial

from sqlalchemy import create_engine, make_url
from sqlalchemy import text as sql
from sqlalchemy.exc import DBAPIError

from auth.storage.database import LOCK_SECONDS, Answer, Database, P, Work

_CONNECTIONS = 8
_ATTEMPTS = 3
# serialization failure, deadlock: the transaction had no effect, and may succeed the next time
_RETRIED = {"40001", "40P01"}
_MIGRATION_LOCK = 7_236_411_875


class PostgresDatabase(Database):
    """A PostgreSQL server.

    Its work may run twice, after a conflict of two transactions.
    """

    def __init__(self, url: str) -> None:
        super().__init__(threads=_CONNECTIONS)
        milliseconds = int(LOCK_SECONDS * 1000)
        self._engine = create_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=_CONNECTIONS,
            max_overflow=1,  # for work at the start, before there is an event loop
            pool_timeout=LOCK_SECONDS,
            connect_args={
                "connect_timeout": int(LOCK_SECONDS),
                "application_name": "auth",
                "options": f"-c lock_timeout={milliseconds} -c statement_timeout={milliseconds}",
            },
        )

    async def read(self, work: Work[P, Answer], /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        return await self._in_thread(partial(self.write_now, work, *args, **kwargs))

    def write_now(self, work: Work[P, Answer], /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self._engine.begin() as connection:
                    return work(connection, *args, **kwargs)
            except DBAPIError as error:
                if attempt == _ATTEMPTS or getattr(error.orig, "sqlstate", "") not in _RETRIED:
                    raise
        raise AssertionError("the last attempt answers or raises")

    def migrate(self, work: Work[[], Answer]) -> Answer:
        with self._engine.begin() as connection:
            connection.execute(sql("SET LOCAL lock_timeout = 0"))
            connection.execute(sql("SET LOCAL statement_timeout = 0"))
            connection.execute(sql("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            return work(connection)

    def close(self) -> None:
        self._pool.close()
        self._engine.dispose()
