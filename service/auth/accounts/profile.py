"""The changes that users make to their own accounts: name, address, deletion."""

import time

from sqlalchemy import Connection

from auth.accounts import mailed_links
from auth.clients.endpoints import Kind
from auth.errors import Code, ProblemError
from auth.protection.limits import Action
from auth.service import Service
from auth.storage import accounts, sessions
from auth.storage.accounts import Account
from auth.telemetry.audit import Event


async def rename(service: Service, account: Account, name: str | None) -> Account:
    """Set or remove the name; raise INVALID_TOKEN if the account is gone."""
    changed = await service.database.write(accounts.change, account.id, name=name)
    if changed is None:
        raise ProblemError(Code.INVALID_TOKEN)
    await service.audit.record(Event.ACCOUNT_CHANGED, account_id=account.id, field="name")
    return changed


async def change_email(service: Service, account: Account, email: str) -> None:
    """Mail a link to the new address, which counts once the link is opened."""
    await service.limits.take(Action.MAIL, account.id)
    mailed_links.change_soon(service, account, email)
    await service.audit.record(
        Event.ACCOUNT_CHANGED, account_id=account.id, field="email", state="asked"
    )


async def delete(service: Service, account: Account) -> None:
    """Delete the account with everything that belongs to it."""

    def work(connection: Connection) -> None:
        # the sessions first, so that their clients are notified
        sessions.revoke_all(connection, account.id, "account deleted", time.time())
        if accounts.remove(connection, account.id):
            service.webhooks.announce(connection, Kind.DELETED, account)

    await service.database.write(work)
    await service.audit.record(Event.ACCOUNT_DELETED, account_id=account.id)
