"""The service: the parts that the use cases work with."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy.exc import SQLAlchemyError

from auth.clients import delivery, registration
from auth.clients.back_channel import BackChannel
from auth.clients.clients import Client
from auth.clients.webhooks import Webhooks
from auth.crypto.passwords import Passwords
from auth.crypto.sealing import Sealer, unlock
from auth.mail.carriers import Carrier, Mailbox, Nowhere, Smtp
from auth.mail.messages import Messages
from auth.mail.queue import MailQueue
from auth.protection.limits import Limits
from auth.protection.lockout import Lockout
from auth.settings import DAY, Settings
from auth.storage import hash_parameters, left_behind, pruning, registered_clients, schema
from auth.storage.backends import connect
from auth.storage.database import Database
from auth.storage.read_cache import ReadCache
from auth.storage.tables import AUDIT_EVENTS
from auth.telemetry.audit import Audit
from auth.telemetry.metrics import Metrics
from auth.telemetry.tracing import Tracing
from auth.tokens import signing_keys
from auth.tokens.access_tokens import Tokens
from auth.upstreams.upstreams import Upstreams

LOG = logging.getLogger("auth")
_RELOAD_SECONDS = 30.0
_PRUNE_SECONDS = 3600.0


@dataclass(kw_only=True)
class Service:
    settings: Settings
    database: Database
    sealer: Sealer
    passwords: Passwords
    tokens: Tokens
    mail_queue: MailQueue
    messages: Messages
    metrics: Metrics
    audit: Audit
    limits: Limits
    lockout: Lockout
    tracing: Tracing
    back_channel: BackChannel
    webhooks: Webhooks
    upstreams: Upstreams
    # by access token
    token_cache: ReadCache[Any]
    stopping: bool = False
    _reloaded: float = 0.0
    _clients_read: float = 0.0
    _registrations: Sequence[str] = ()

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Migrate the database unless told otherwise, unseal the keys, and build the parts.

        Raise SettingsError or SQLAlchemyError.
        """
        database = connect(settings.database_url)
        schema.prepare(database, migrates=settings.migrate_at_start)
        left_behind.refuse(database, settings.database_url, settings.data_dir)
        sealer = database.write_now(unlock, settings.secret_keys)
        publish = settings.signing_key_publish_seconds
        database.write_now(signing_keys.adopt, sealer, settings.signing_key, publish)
        database.write_now(signing_keys.make_first_rsa, sealer)
        metrics = Metrics(revision=settings.revision)
        settings.clients.take(registration.stored(database.write_now(registered_clients.every)))
        audit = Audit(database, metrics)
        tokens = Tokens(
            database.write_now(signing_keys.load, sealer),
            issuer=settings.issuer,
            audience=settings.audience,
            seconds=settings.access_token_seconds,
        )
        passwords = Passwords(
            workers=settings.hashing_workers, queue=settings.hashing_queue, metrics=metrics
        )
        passwords.expect(database.write_now(hash_parameters.every))
        return cls(
            settings=settings,
            database=database,
            sealer=sealer,
            passwords=passwords,
            tokens=tokens,
            mail_queue=MailQueue(_carrier(settings), settings.mail.sender),
            messages=Messages(
                settings.issuer, settings.verify_url, settings.reset_url, settings.languages
            ),
            metrics=metrics,
            audit=audit,
            limits=Limits(database, settings.rate_limits, metrics, audit),
            lockout=Lockout(database, allowed=settings.lockout_after),
            token_cache=ReadCache(database),
            tracing=Tracing(settings.otlp_endpoint, revision=settings.revision),
            back_channel=BackChannel(database, settings.clients, tokens, metrics),
            webhooks=Webhooks(database, settings.webhooks, audit, metrics),
            upstreams=Upstreams(settings.upstreams, settings.upstream_secrets),
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the background work until the end of the block, then finish it."""
        tasks = [
            asyncio.create_task(work)
            for work in (
                *self.mail_queue.workers(),
                self._keep_keys(),
                self._prune(),
                self._send(self.back_channel),
                self._send(self.webhooks),
            )
        ]
        try:
            yield
        finally:
            await self.mail_queue.drain(seconds=5)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with _going_on():
                await self.audit.finish_runs(every=True)
            self.close()

    def close(self) -> None:
        """Stop the threads, send the last traces, and close the database."""
        self.passwords.close()
        self.upstreams.close()
        self.tracing.close()
        self.database.close()

    async def reload_keys(self) -> None:
        """Read the keys again; once in a second at most, since strangers' tokens may ask for it."""
        if time.monotonic() - self._reloaded < 1:
            return
        self._reloaded = time.monotonic()
        keys = await self.database.read(signing_keys.load, self.sealer)
        if keys.kids != self.tokens.keys.kids:
            self.tokens.keys = keys

    async def load_clients(self) -> None:
        """Read the clients that registered themselves."""
        texts = await self.database.read(registered_clients.every)
        # their keys take time to read, and a stranger's id comes here as well
        if texts != self._registrations:
            self._registrations = texts
            self.settings.clients.take(registration.stored(texts))

    async def find_client(self, client_id: str) -> Client | None:
        """Return a client; also one that registered itself with another process just now.

        Strangers' ids cause a read, once in a second at most.
        """
        client = self.settings.clients.find(client_id)
        if client is None and client_id and time.monotonic() - self._clients_read >= 1:
            self._clients_read = time.monotonic()
            await self.load_clients()
            client = self.settings.clients.find(client_id)
        return client

    async def _keep_keys(self) -> None:
        """Load the keys that other processes make, and make the next key in time."""
        settings = self.settings
        pause = max(1.0, min(_RELOAD_SECONDS, settings.signing_key_publish_seconds / 3))
        while True:
            await asyncio.sleep(pause)
            with _going_on():
                if settings.signing_key_days:
                    await self.database.write(
                        signing_keys.rotate_if_old,
                        self.sealer,
                        settings.signing_algorithm or self.tokens.keys.newest.algorithm,
                        publish_seconds=settings.signing_key_publish_seconds,
                        older_than=settings.signing_key_days * DAY,
                    )
                await self.reload_keys()
                await self.load_clients()
                await self.audit.finish_runs()
                await self.passwords.learn(await self.database.read(hash_parameters.every))

    async def _send(self, sender: BackChannel | Webhooks) -> None:
        """Send clients the notices of ended sessions, or endpoints the changes of accounts."""
        while sender.is_used:
            with _going_on():
                await sender.deliver()
            await asyncio.sleep(delivery.PAUSE_SECONDS)

    async def _prune(self) -> None:
        while True:
            with _going_on():
                removed = await self.database.write(
                    pruning.prune,
                    now=time.time(),
                    audit_seconds=self.settings.audit_days * DAY,
                )
                self.metrics.audit_removed.labels("age").inc(removed[AUDIT_EVENTS.name])
                await self.audit.trim(self.settings.audit_events)
            await asyncio.sleep(_PRUNE_SECONDS)


@contextlib.contextmanager
def _going_on() -> Iterator[None]:
    """Let background work survive a database that is away for a while."""
    try:
        yield
    except SQLAlchemyError as error:
        LOG.warning("database", extra={"reason": type(error).__name__})


def _carrier(settings: Settings) -> Carrier:
    if settings.mail.host:
        return Smtp(settings.mail)
    return Mailbox() if settings.development else Nowhere()
