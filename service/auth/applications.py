"""What users have let applications of others do, and taking that back."""

import time

from auth.observe.audit import Event
from auth.service import Service
from auth.storage import consents


async def withdraw(service: Service, account_id: str, client_id: str) -> bool:
    """End what the account has let the client do, and its sessions; tell if there was any.

    Who gets an access token to verify alone takes those until they expire.
    """
    withdrawn = await service.database.write(
        consents.withdraw, account_id, client_id, now=time.time()
    )
    if withdrawn:
        await service.audit.record(
            Event.CONSENT_WITHDRAWN, account_id=account_id, client_id=client_id
        )
    return withdrawn


def name_of(service: Service, client_id: str) -> str:
    """Give what a client is called; its id, if it is not registered any more."""
    client = service.settings.oauth.clients.find(client_id)
    return client.name if client else client_id
