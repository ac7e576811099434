"""Registration: make an account, and mail a link that verifies its address."""

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
    await service.limits.take(Action.REGISTER)
    password_hash = await passwords.new_hash(service, password, email)
    account = accounts.new(email, password_hash, locale=locale)

    def work(connection: Connection) -> None:
        accounts.add(connection, account)
        service.webhooks.announce(connection, Kind.CREATED, account)

    try:
        await service.database.write(work)
    except EmailTakenError:
        if service.settings.reveal_registered:
            raise ProblemError(Code.EMAIL_TAKEN) from None
        mailed_links.notify_owner_soon(service, account.email)
        await service.audit.record(Event.ACCOUNT_REGISTERED, success=False, reason="taken")
    else:
        mailed_links.verify_soon(service, account)
        await service.audit.record(Event.ACCOUNT_REGISTERED, account_id=account.id)
    return account
