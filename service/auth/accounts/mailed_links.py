"""The links in mails: looked up, made and sent after the answer."""

import contextlib
import time

from sqlalchemy.exc import IntegrityError

from auth.crypto import secret_tokens
from auth.errors import ProblemError
from auth.protection.limits import Action
from auth.service import Service
from auth.storage import accounts, action_tokens
from auth.storage.accounts import Account
from auth.storage.action_tokens import Action as Mailed
from auth.storage.action_tokens import Purpose

_DAY, _HOUR = 86_400, 3600


def verify_soon(service: Service, account: Account) -> None:
    """Mail a link that proves the account's address."""

    async def errand() -> None:
        # counted as `notify_owner_soon` counts: the rest of the limit would reveal an existing
        # account
        with contextlib.suppress(ProblemError):
            await service.limits.take_for(Action.MAIL, account.email)
        await _verify(service, account)

    service.mail_queue.later(errand)


def verify_again_soon(service: Service, email: str) -> None:
    """Mail that link again, if an account has this address and has not proven it."""

    async def errand() -> None:
        account = await service.database.read(accounts.by_email, email)
        if account and account.email_verified_at is None:
            await _verify(service, account)

    service.mail_queue.later(errand)


def notify_owner_soon(service: Service, email: str) -> None:
    """Mail the owner that somebody registered the address again; limited as any other mail."""

    async def errand() -> None:
        # here and not before the answer, which would reveal an existing account
        with contextlib.suppress(ProblemError):
            await service.limits.take_for(Action.MAIL, email)
            owner = await service.database.read(accounts.by_email, email)
            messages = service.messages.in_language_of(owner)
            await service.mail_queue.send(email, *messages.already_registered())

    service.mail_queue.later(errand)


def reset_soon(service: Service, email: str) -> None:
    """Mail a link to set a new password, if there is an account with this address."""

    async def errand() -> None:
        account = await service.database.read(accounts.by_email, email)
        if account and account.disabled_at is None:
            token = await _make(service, account, Purpose.RESET_PASSWORD, account.email, _HOUR)
            await service.mail_queue.send(
                account.email, *service.messages.in_language_of(account).reset(token)
            )

    service.mail_queue.later(errand)


def change_soon(service: Service, account: Account, email: str) -> None:
    """Mail a link to the new address; opened, it gives the address to the account."""

    async def errand() -> None:
        token = await _make(service, account, Purpose.CHANGE_EMAIL, email, _DAY)
        await service.mail_queue.send(
            email, *service.messages.in_language_of(account).change(token)
        )

    service.mail_queue.later(errand)


async def _verify(service: Service, account: Account) -> None:
    token = await _make(service, account, Purpose.VERIFY_EMAIL, account.email, _DAY)
    await service.mail_queue.send(
        account.email, *service.messages.in_language_of(account).verify(token)
    )


async def _make(
    service: Service, account: Account, purpose: Purpose, email: str, seconds: float
) -> str:
    token = secret_tokens.make()
    action = Mailed(account.id, purpose, email)
    hashed = secret_tokens.hashed(token)
    # an account that is gone meanwhile gets a link that does nothing
    with contextlib.suppress(IntegrityError):
        await service.database.write(
            action_tokens.add, hashed, action, now=time.time(), seconds=seconds
        )
    return token
