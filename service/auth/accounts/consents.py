"""Consents: the scopes that users granted to applications of others."""

import time
from dataclasses import dataclass

from auth.clients.clients import Client
from auth.service import Service
from auth.storage import consents
from auth.storage.accounts import Account
from auth.telemetry.audit import Event
from auth.tokens import scopes


@dataclass(frozen=True, kw_only=True, slots=True)
class AllowedApplication:
    """An application that an account granted scopes to; `granted_at` in Unix seconds."""

    client_id: str
    name: str
    scopes: tuple[str, ...]
    granted_at: float


async def applications(service: Service, account: Account) -> list[AllowedApplication]:
    """List the applications that the account granted scopes to."""
    clients = service.settings.clients
    allowed = []
    for consent in await service.database.read(consents.of, account.id):
        client = clients.find(consent.client_id)
        allowed.append(
            AllowedApplication(
                client_id=consent.client_id,
                # a client that is not registered any more has no name
                name=client.name if client else consent.client_id,
                scopes=scopes.split(consent.scope),
                granted_at=consent.granted_at,
            )
        )
    return allowed


async def is_needed(service: Service, account: Account, client: Client, scope: str) -> bool:
    """Return whether the user has to agree before the client gets these scopes."""
    if client.first_party:
        return False
    granted = await service.database.read(consents.scope, account.id, client.id)
    return not scopes.covers(granted, scopes.split(scope))


async def grant(service: Service, account: Account, client: Client, scope: str) -> None:
    """Record that the user granted the scopes to the client."""
    await service.database.write(
        consents.grant, account.id, client.id, scope, time.time(), registered=client.scopes
    )
    await service.audit.record(Event.CONSENT_GRANTED, account_id=account.id, client_id=client.id)


async def withdraw(service: Service, account_id: str, client_id: str) -> bool:
    """End a consent and the client's sessions of the account; return whether there was any.

    An API that verifies access tokens by itself accepts those of the client until they expire.
    """
    withdrawn = await service.database.write(
        consents.withdraw, account_id, client_id, now=time.time()
    )
    if withdrawn:
        await service.audit.record(
            Event.CONSENT_WITHDRAWN, account_id=account_id, client_id=client_id
        )
    return withdrawn
