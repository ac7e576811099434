"""Verification: the proof that an e-mail address belongs to the user of an account."""

import time
from functools import partial

from sqlalchemy import Connection

from auth.accounts import mailed_links
from auth.crypto import secret_tokens
from auth.errors import Code, ProblemError
from auth.protection.limits import Action
from auth.service import Service
from auth.storage import accounts, action_tokens
from auth.storage.accounts import Account, EmailTakenError
from auth.storage.action_tokens import Purpose
from auth.telemetry.audit import Event


async def mail_again(service: Service, email: str) -> None:
    """Mail the link again, if there is an account with this address to verify."""
    await service.limits.take(Action.MAIL, email)
    mailed_links.verify_again_soon(service, email)


async def verify(service: Service, token: str) -> Account:
    """Use a mailed action token up; return the account with its proven address.

    Raise a ProblemError: INVALID_CODE, or EMAIL_TAKEN if another account has the address by now.
    """
    await service.limits.take(Action.GUESS)
    try:
        changed = await service.database.write(partial(_use, hashed=secret_tokens.hashed(token)))
    except EmailTakenError:
        raise ProblemError(Code.EMAIL_TAKEN) from None
    if changed is None:
        raise ProblemError(Code.INVALID_CODE)
    account, previous_email = changed
    if previous_email != account.email:
        service.mail_queue.post(previous_email, *service.messages.email_changed(account.email))
    await service.audit.record(Event.EMAIL_VERIFIED, account_id=account.id)
    return account


def _use(connection: Connection, *, hashed: str) -> tuple[Account, str] | None:
    """Return the account with its proven address, and the address that it had before."""
    now = time.time()
    action = action_tokens.use(connection, hashed, now)
    account = accounts.by_id(connection, action.account_id) if action else None
    if action is None or account is None or account.disabled_at is not None:
        return None
    if action.purpose is Purpose.RESET_PASSWORD:
        return None
    if action.purpose is Purpose.VERIFY_EMAIL and action.email != account.email:
        return None
    changed = accounts.change(connection, account.id, email=action.email, email_verified_at=now)
    if changed is None:
        return None
    # a link that was mailed to the previous address must not outlive it
    action_tokens.forget(
        connection, account.id, Purpose.RESET_PASSWORD, Purpose.VERIFY_EMAIL, Purpose.CHANGE_EMAIL
    )
    return changed, account.email
