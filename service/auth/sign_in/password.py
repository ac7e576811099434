"""Signing in with a password."""

from functools import partial

from sqlalchemy import Connection

from auth.clients.endpoints import Kind
from auth.errors import Code, ProblemError
from auth.protection.limits import Action
from auth.service import Service
from auth.sign_in import admission
from auth.storage import accounts, logins
from auth.storage.accounts import Account
from auth.telemetry.audit import Event


async def with_password(
    service: Service, email: str, password: str, *, device: str
) -> tuple[Account, bool]:
    """Return the account of a password, and whether a second factor is needed.

    Refuse with a ProblemError.

    `device` is the id of a browser that has signed in to the account before, else "". Only its own
    attempts count for it, so that strangers can't keep its user out.

    Neither the answer nor its time shows whether there is an account. A disabled account is
    revealed only to a user with the right password.
    """
    async with service.passwords.turn():
        return await _with_password(service, email, password, device)


async def _with_password(
    service: Service, email: str, password: str, device: str
) -> tuple[Account, bool]:
    await service.limits.take(Action.LOGIN, device=device)
    subjects = list(service.lockout.subjects(email, device))
    login = await service.database.read(logins.find, email, subjects[0], subjects[-1])
    failed_before = service.lockout.judge(login.locked_until)
    # after the lock of this client, whose attempts must not use up the account's; the account's
    # devices share a count of their own, as a user may have any number of them
    await service.limits.take_for(Action.LOGIN, f"devices of {email}" if device else email)
    account = login.account
    verdict = await service.passwords.verify(account.password if account else None, password)
    if account is None or not verdict.right:
        announce = partial(_announce_lock, service, account) if account else None
        locked = await service.lockout.failed(email, device, locked=announce)
        await admission.refused(
            service, Event.LOGIN_LOCKED if locked else Event.LOGIN, account, "password"
        )
        raise ProblemError(Code.INVALID_CREDENTIALS)
    await admission.admit(service, account)
    if failed_before:
        await service.lockout.succeeded(email, device)
    if verdict.outdated:
        renewed = await service.passwords.hash(password)
        await service.database.write(accounts.rehash, account, renewed)
    return account, login.has_factor


def _announce_lock(service: Service, account: Account, connection: Connection) -> None:
    service.webhooks.announce(connection, Kind.LOCKED, account, reason="password")
