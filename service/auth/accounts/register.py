"""Registration: make an account, and mail a link that verifies its address."""

from dataclasses import replace

from sqlalchemy import Connection

from auth.accounts import mailed_links, passwords
from auth.clients.endpoints import Kind
from auth.errors import Code, ProblemError
from auth.protection.limits import Action
from auth.service import Service
from auth.storage import accounts
from auth.storage.accounts import Account, EmailTakenError
from auth.telemetry.audit import Event


async def register(service: Service, email: str, password: str, *, locale: str | None) -> Account:
    """Make an account; for an address that has an account, only appear to, and mail its owner.

    `locale` is the language of the account's mails, None if unknown. Raise a ProblemError for a
    refused password, and EMAIL_TAKEN if the service is configured to.
    """
    async with service.passwords.turn():
        await service.limits.take(Action.REGISTER)
        password_hash = await passwords.new_hash(service, password, email)
    account = accounts.new(email, password_hash, locale=locale)
    if await service.database.write(_store, service, account):
        mailed_links.verify_soon(service, account)
        await service.audit.record(Event.ACCOUNT_REGISTERED, account_id=account.id)
        return account
    if service.settings.reveal_registered:
        raise ProblemError(Code.EMAIL_TAKEN)
    mailed_links.notify_owner_soon(service, account.email)
    await service.audit.record(Event.ACCOUNT_REGISTERED, success=False, reason="taken")
    return account


def _store(connection: Connection, service: Service, account: Account) -> bool:
    """Store an account; return False if another account has its address.

    Both take the same time: for a taken address, the rows of an account with a free address are
    written, and taken back.
    """
    is_taken = accounts.is_taken(connection, account.email)
    written = replace(account, email=account.id if is_taken else account.email)
    try:
        with connection.begin_nested() as rows:
            accounts.add(connection, written)
            service.webhooks.announce(connection, Kind.CREATED, written)
            if is_taken:
                rows.rollback()
    except EmailTakenError:
        # another process was faster
        return False
    return not is_taken
