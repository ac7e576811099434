"""Logout tokens: clients learn that a session has ended (OIDC Back-Channel Logout 1.0).

The notices are in the database (`auth.storage.logout_notices`), written with the end of the
session, so that neither a crash nor a client that is away loses one.
"""

import asyncio
import logging
import time
import uuid

from auth.clients.clients import Client, Clients
from auth.storage import logout_notices
from auth.storage.database import Database
from auth.storage.logout_notices import Notice
from auth.telemetry.metrics import Metrics
from auth.tokens.access_tokens import Tokens

LOG = logging.getLogger("auth")
TYPE = "logout+jwt"
_EVENT = "http://schemas.openid.net/event/backchannel-logout"
# §2.4 recommends two minutes at the most
_SECONDS = 120
_PAUSE_SECONDS = 1.0
_TIMEOUT_SECONDS = 5.0
# the threads are shared with mails
_AT_ONCE = 2
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

    async def pause(self) -> None:
        await asyncio.sleep(_PAUSE_SECONDS)

    async def deliver(self) -> None:
        """Send the notices that are due."""
        while await self._database.read(logout_notices.is_due, time.time()):
            notices = await self._database.write(logout_notices.claim, time.time(), most=_AT_ONCE)
            await asyncio.gather(*map(self._deliver, notices))
            if not notices:
                return

    async def _deliver(self, notice: Notice) -> None:
        client = self._clients.find(notice.client_id)
        if client is None or not client.logout_uri:
            await self._database.write(logout_notices.remove, notice.id)
            return
        status = await asyncio.to_thread(_post, client.logout_uri, self._token(client, notice))
        if status in _DONE:
            outcome = "delivered"
        elif not status or status in _LATER or status >= _SERVERS:
            outcome = "postponed"
        else:
            # §2.8: 400 is the answer to a token that the client does not accept
            outcome = "refused"
        if outcome != "delivered":
            extra = {"client": client.id, "status": status, "attempt": notice.attempts}
            LOG.warning("logout notice %s", outcome, extra=extra)
        self._metrics.logout_notices.labels(outcome).inc()
        if outcome != "postponed":
            await self._database.write(logout_notices.remove, notice.id)

    def _token(self, client: Client, notice: Notice) -> str:
        """Sign a logout token (§2.4); `nonce` is forbidden there, as it marks an ID token."""
        now = int(time.time())
        claims = {
            "iss": self._tokens.issuer,
            "aud": client.id,
            "sub": notice.account_id,
            "sid": notice.session_id,
            "iat": now,
            "exp": now + _SECONDS,
            "jti": uuid.uuid4().hex,
            "events": {_EVENT: {}},
        }
        return self._tokens.sign(claims, self._tokens.keys.current(client.algorithm), kind=TYPE)


def _post(uri: str, token: str) -> int:
    """Send a token; return the status of the answer, 0 without an answer.

    Nothing but the registered address is asked: neither a redirect nor a proxy of the environment
    is followed.
    """
    import urllib3  # noqa: PLC0415 - slow, and most services have no such client

    with urllib3.PoolManager(
        retries=False, timeout=urllib3.Timeout(total=_TIMEOUT_SECONDS)
    ) as pool:
        try:
            answer = pool.request(
                "POST",
                uri,
                fields={"logout_token": token},
                encode_multipart=False,
                redirect=False,
                preload_content=False,
            )
        except urllib3.exceptions.HTTPError:
            return 0
        status = answer.status
        answer.close()
        return status
