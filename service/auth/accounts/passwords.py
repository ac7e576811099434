"""Passwords of accounts: chosen, changed by their user, and replaced by a mailed link."""

import time
from functools import partial

from sqlalchemy import Connection

from auth.accounts import mailed_links, password_rules
from auth.crypto import secret_tokens
from auth.errors import Code, ProblemError
from auth.protection.limits import Action
from auth.service import Service
from auth.sign_in import factor_failures
from auth.storage import accounts, action_tokens, browser_sessions, factors, identities, sessions
from auth.storage.accounts import Account
from auth.storage.action_tokens import Purpose
from auth.storage.browser_sessions import BrowserSession
from auth.storage.sessions import Session
from auth.telemetry.audit import Event

_CHANGED = "password changed"


async def new_hash(service: Service, password: str, email: str) -> str:
    """Hash a new password of an account; raise PASSWORD_REFUSED if the rules forbid it."""
    refusal = password_rules.refusal(password, email)
    if refusal is not None:
        raise ProblemError(Code.PASSWORD_REFUSED, detail=refusal.value)
    return await service.passwords.hash(password)


async def change(
    service: Service,
    account: Account,
    here: Session | BrowserSession | None,
    *,
    current: str,
    new: str,
    renewed: str = "",
) -> None:
    """Change the password of a user who knows it; end all sessions but `here`.

    `renewed` is the hash of the browser's new cookie: a copy of the earlier cookie is worthless.
    """
    await service.limits.take(Action.GUESS, account.id)
    if not (await service.passwords.verify(account.password, current)).right:
        await service.audit.record(Event.PASSWORD_CHANGED, success=False, account_id=account.id)
        raise ProblemError(Code.INVALID_CREDENTIALS)
    password_hash = await new_hash(service, new, account.email)

    def work(connection: Connection) -> None:
        replace(connection, account_id=account.id, password_hash=password_hash, here=here)
        if isinstance(here, BrowserSession):
            browser_sessions.renew(connection, here.hash, renewed)

    await service.database.write(work)
    service.mail_queue.post(
        account.email, *service.messages.in_language_of(account).password_changed()
    )
    await service.audit.record(Event.PASSWORD_CHANGED, account_id=account.id)


async def mail_reset(service: Service, email: str) -> None:
    """Mail a link to set a new password, if there is an account with this address."""
    await service.limits.take(Action.MAIL, email)
    mailed_links.reset_soon(service, email)
    await service.audit.record(Event.PASSWORD_RESET_REQUESTED)


async def reset(service: Service, token: str, password: str) -> Account:
    """Use a mailed action token up to set a password; end every session of the account."""
    await service.limits.take(Action.GUESS)
    token_hash, now = secret_tokens.hashed(token), time.time()
    action = await service.database.read(action_tokens.find, token_hash, now)
    if action is None or action.purpose is not Purpose.RESET_PASSWORD:
        raise ProblemError(Code.INVALID_CODE)
    password_hash = await new_hash(service, password, action.email)
    account = await service.database.write(
        partial(_use_reset, token_hash=token_hash, password_hash=password_hash)
    )
    if account is None:
        raise ProblemError(Code.INVALID_CODE)
    service.mail_queue.post(
        account.email, *service.messages.in_language_of(account).password_changed()
    )
    await service.audit.record(Event.PASSWORD_RESET, account_id=account.id)
    return account


def _use_reset(connection: Connection, *, token_hash: str, password_hash: str) -> Account | None:
    now = time.time()
    action = action_tokens.use(connection, token_hash, now)
    if action is None:
        return None
    account = accounts.by_id(connection, action.account_id)
    # an address that changed since then may belong to somebody else by now
    if account is None or account.email != action.email or account.disabled_at is not None:
        return None
    # an address that was never proven may have been registered by somebody else
    set_password = replace if account.email_verified_at else take_over
    set_password(connection, account_id=account.id, password_hash=password_hash)
    # the mail arrived, which proves the address
    return accounts.change(
        connection, account.id, email_verified_at=account.email_verified_at or now
    )


def take_over(
    connection: Connection, *, account_id: str, password_hash: str, reason: str = _CHANGED
) -> None:
    """Set the password of the owner of an address that anybody could have registered.

    The sessions, for this reason, second factors and identities of the registrant end.
    """
    factors.remove_all(connection, account_id)
    identities.remove_all(connection, account_id)
    replace(connection, account_id=account_id, password_hash=password_hash, reason=reason)


def replace(
    connection: Connection,
    *,
    account_id: str,
    password_hash: str,
    here: Session | BrowserSession | None = None,
    reason: str = _CHANGED,
) -> None:
    """Set a password; end the sessions but `here`, and all that an earlier password began."""
    now = time.time()
    accounts.change(connection, account_id, password=password_hash, password_changed_at=now)
    factor_failures.forget(connection, account_id)
    sessions.revoke_all(
        connection,
        account_id,
        reason,
        now,
        but=here.id if isinstance(here, Session) else None,
        but_browser=here.hash if isinstance(here, BrowserSession) else "",
    )
    # somebody who knew the previous password may have asked for another address
    action_tokens.forget(connection, account_id, Purpose.RESET_PASSWORD, Purpose.CHANGE_EMAIL)
