"""Webhooks: other services of a team learn of changes of accounts (Standard Webhooks 1.0).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from auth.clients import delivery
from auth.clients.endpoints import Endpoint, Kind
from auth.storage import outbox, webhook_messages
from auth.storage.accounts import Account
from auth.storage.database import Database
from auth.storage.outbox import Row
from auth.storage.tables import WEBHOOK_MESSAGES
from auth.telemetry.audit import Audit, Event
from auth.telemetry.metrics import Metrics

LOG = logging.getLogger("auth")
_LONGEST_PAUSE_SECONDS = 3600.0
# three days: nine pauses that double from 10 s, then one each hour
MOST_ATTEMPTS = 80
_GONE = 410
_DONE = range(200, 300)


class Webhooks:
    """Stores messages for the endpoints, and delivers them."""

    def __init__(
        self, database: Database, endpoints: Sequence[Endpoint], audit: Audit, metrics: Metrics
    ) -> None:
        self._database, self._audit, self._metrics = database, audit, metrics
        self._endpoints = {endpoint.name: endpoint for endpoint in endpoints}

    @property
    def is_used(self) -> bool:
        return bool(self._endpoints)

    def announce(self, connection: Connection, kind: Kind, account: Account, **more: str) -> None:
        """Store the messages of an event, in the transaction that makes it true.

        `more` are further fields of the message's data. A deleted account is named by its id alone.
        """
        names = [each.name for each in self._endpoints.values() if kind in each.kinds]
        if not names:
            return
        data = {"id": account.id, **({} if kind is Kind.DELETED else {"email": account.email})}
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        body = json.dumps({"type": kind, "timestamp": now, "data": {**data, **more}})
        webhook_messages.add(connection, names, kind=kind, account_id=account.id, body=body)

    async def deliver(self) -> None:
        """Send the messages that are due."""
        await delivery.deliver_due(
            self._database, WEBHOOK_MESSAGES, self._deliver, longest_pause=_LONGEST_PAUSE_SECONDS
        )

    async def _deliver(self, message: Row) -> None:
        endpoint = self._endpoints.get(message["endpoint"])
        if endpoint is None:
            await self._database.write(outbox.remove, WEBHOOK_MESSAGES, message["id"])
            return
        body = message["body"].encode()
        status = await delivery.post(endpoint.url, body, _headers(endpoint, message["id"], body))
        if status in _DONE:
            outcome = "delivered"
        elif status == _GONE or message["attempts"] >= MOST_ATTEMPTS:
            outcome = "failed"
        else:
            outcome = "postponed"
        self._metrics.webhooks.labels(outcome).inc()
        if outcome != "delivered":
            extra = {"endpoint": endpoint.name, "message_id": message["id"], "status": status}
            LOG.warning("webhook %s", outcome, extra={**extra, "attempt": message["attempts"]})
        if outcome == "failed":
            await self._audit.record(
                Event.WEBHOOK_FAILED,
                success=False,
                account_id=message["account_id"],
                endpoint=endpoint.name,
                type=message["kind"],
                message=message["id"],
                status=str(status),
            )
        if outcome != "postponed":
            await self._database.write(outbox.remove, WEBHOOK_MESSAGES, message["id"])


def _headers(endpoint: Endpoint, message_id: str, body: bytes) -> dict[str, str]:
    """Sign a message with each secret of its endpoint."""
    timestamp = str(int(time.time()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    signatures = (
        base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
        for secret in endpoint.secrets
    )
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
