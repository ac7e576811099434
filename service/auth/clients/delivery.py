"""The delivery of an outbox: each message that is due, a few at once, without redirects."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy import Table

from auth.storage import outbox
from auth.storage.database import Database
from auth.storage.outbox import Row

PAUSE_SECONDS = 1.0
_TIMEOUT_SECONDS = 5.0
# the threads are shared with mails
_AT_ONCE = 2


async def deliver_due(
    database: Database,
    table: Table,
    deliver: Callable[[Row], Awaitable[None]],
    *,
    longest_pause: float,
) -> None:
    """Deliver the messages of a table that are due; `deliver` removes those that are done."""
    while await database.read(outbox.is_due, table, time.time()):
        rows = await database.write(
            outbox.claim, table, time.time(), most=_AT_ONCE, longest_pause=longest_pause
        )
        await asyncio.gather(*map(deliver, rows))
        if not rows:
            return


async def post(uri: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Send a request; return the status of the answer, 0 without an answer.

    Nothing but the configured address is asked: neither a redirect nor a proxy of the environment
    is followed.
    """
    return await asyncio.to_thread(_post, uri, body, headers)


def _post(uri: str, body: bytes, headers: Mapping[str, str]) -> int:
    import urllib3  # noqa: PLC0415 - slow, and most services send nothing

    with urllib3.PoolManager(
        retries=False, timeout=urllib3.Timeout(total=_TIMEOUT_SECONDS)
    ) as pool:
        try:
            answer = pool.request(
                "POST", uri, body=body, headers=headers, redirect=False, preload_content=False
            )
        except urllib3.exceptions.HTTPError:
            return 0
        status = answer.status
        answer.close()
        return status
