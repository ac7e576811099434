"""Messages about accounts to the endpoints of webhooks; each stays until the endpoint has it."""

import time
import uuid
from collections.abc import Iterable

from sqlalchemy import Connection, insert

from auth.storage.tables import WEBHOOK_MESSAGES

# longer than the attempts last: a service that is down for a while loses no message
_SECONDS = 14 * 86_400


def add(
    connection: Connection, endpoints: Iterable[str], *, kind: str, account_id: str, body: str
) -> None:
    """Store a message for each endpoint, given by its name."""
    now = time.time()
    rows = [
        {
            "id": f"msg_{uuid.uuid4().hex}",
            "endpoint": endpoint,
            "account_id": account_id,
            "kind": kind,
            "body": body,
            "created_at": now,
            "expires_at": now + _SECONDS,
            "next_try_at": now,
        }
        for endpoint in endpoints
    ]
    if rows:
        connection.execute(insert(WEBHOOK_MESSAGES), rows)
