"""Logout tokens: clients learn that a session has ended (OIDC Back-Channel Logout 1.0).

The notices are in the database (`auth.storage.logout_notices`), written with the end of the
session, so that neither a crash nor a client that is away loses one.
"""

import logging
import time
import uuid
from urllib.parse import urlencode

from auth.clients import delivery
from auth.clients.clients import Client, Clients
from auth.storage import outbox
from auth.storage.database import Database
from auth.storage.outbox import Row
from auth.storage.tables import LOGOUT_NOTICES
from auth.telemetry.metrics import Metrics
from auth.tokens.access_tokens import Tokens

LOG = logging.getLogger("auth")
TYPE = "logout+jwt"
_EVENT = "http://schemas.openid.net/event/backchannel-logout"
# §2.4 recommends two minutes at the most
_SECONDS = 120
_LONGEST_PAUSE_SECONDS = 600.0
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_DONE = frozenset({200, 204})
# the client may answer otherwise later: 408, 429 and all errors of its server
_LATER = frozenset({408, 429})
_SERVERS = 500


class BackChannel:
    """Sends the notices of ended sessions to the clients that are registered for them."""

    def __init__(
        self, database: Database, clients: Clients, tokens: Tokens, metrics: Metrics
    ) -> None:
        self._database, self._clients, self._tokens = database, clients, tokens
        self._metrics = metrics

    @property
    def is_used(self) -> bool:
        return any(client.logout_uri for client in self._clients.every())

    async def deliver(self) -> None:
        """Send the notices that are due."""
        await delivery.deliver_due(
            self._database, LOGOUT_NOTICES, self._deliver, longest_pause=_LONGEST_PAUSE_SECONDS
        )

    async def _deliver(self, notice: Row) -> None:
        client = self._clients.find(notice["client_id"])
        if client is None or not client.logout_uri:
            await self._database.write(outbox.remove, LOGOUT_NOTICES, notice["id"])
            return
        body = urlencode({"logout_token": self._token(client, notice)}).encode()
        status = await delivery.post(client.logout_uri, body, _FORM)
        if status in _DONE:
            outcome = "delivered"
        elif not status or status in _LATER or status >= _SERVERS:
            outcome = "postponed"
        else:
            # §2.8: 400 is the answer to a token that the client does not accept
            outcome = "refused"
        if outcome != "delivered":
            extra = {"client": client.id, "status": status, "attempt": notice["attempts"]}
            LOG.warning("logout notice %s", outcome, extra=extra)
        self._metrics.logout_notices.labels(outcome).inc()
        if outcome != "postponed":
            await self._database.write(outbox.remove, LOGOUT_NOTICES, notice["id"])

    def _token(self, client: Client, notice: Row) -> str:
        """Sign a logout token (§2.4); `nonce` is forbidden there, as it marks an ID token."""
        now = int(time.time())
        claims = {
            "iss": self._tokens.issuer,
            "aud": client.id,
            "sub": notice["account_id"],
            "sid": notice["session_id"],
            "iat": now,
            "exp": now + _SECONDS,
            "jti": uuid.uuid4().hex,
            "events": {_EVENT: {}},
        }
        return self._tokens.sign(claims, self._tokens.keys.current(client.algorithm), kind=TYPE)
