"""Signing in with a password."""

from auth.errors import Code, ProblemError
from auth.protection.limits import Action
from auth.service import Service
from auth.sign_in import admission
from auth.storage import accounts, logins
from auth.storage.accounts import Account
from auth.telemetry.audit import Event


async def with_password(service: Service, email: str, password: str) -> tuple[Account, bool]:
    """Return the account of a password, and whether a second factor is needed.

    Refuse with a ProblemError.

    Neither the answer nor its time shows whether there is an account. A disabled account is
    revealed only to a user with the right password.
    """
    await service.limits.take(Action.LOGIN, email)
    login = await service.database.read(logins.find, email, *service.lockout.subjects(email))
    failed_before = service.lockout.judge(login.locked_until)
    account = login.account
    right = await service.passwords.verify(account.password if account else None, password)
    if account is None or not right:
        locked = await service.lockout.failed(email)
        await admission.refused(
            service, Event.LOGIN_LOCKED if locked else Event.LOGIN, account, "password"
        )
        raise ProblemError(Code.INVALID_CREDENTIALS)
    await admission.admit(service, account)
    if failed_before:
        await service.lockout.succeeded(email)
    if service.passwords.outdated(account.password):
        renewed = await service.passwords.hash(password)
        await service.database.write(accounts.rehash, account, renewed)
    return account, login.has_factor
