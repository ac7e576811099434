"""Passwords: changing one that is known, replacing one that is forgotten."""

import time
from functools import partial

from fastapi import Response
from sqlalchemy import Connection

from auth import links, secret_tokens, sign_in
from auth.api.access import Running, User, stepped_up
from auth.api.answers import problems, router
from auth.api.models import Email, NewPassword, Opaque, Password, Taken
from auth.guard.limits import Action
from auth.observe.audit import Event
from auth.problems import Code, ProblemError
from auth.storage import accounts, action_tokens, factors, sessions
from auth.storage.accounts import Account
from auth.storage.action_tokens import Purpose

ROUTER = router(prefix="/v1/auth/password", tags=["passwords"])


class Change(Taken):
    current_password: Password
    new_password: NewPassword


class Forgotten(Taken):
    email: Email


class Reset(Taken):
    token: Opaque
    password: NewPassword


@ROUTER.post(
    "/change",
    status_code=204,
    responses=problems(
        Code.INVALID_TOKEN,
        Code.INVALID_CREDENTIALS,
        Code.REAUTHENTICATION_REQUIRED,
        Code.PASSWORD_REFUSED,
        Code.INVALID_REQUEST,
        Code.BUSY,
    ),
)
async def change(given: Change, service: Running, user: User) -> Response:
    """Change the password. Every other session of the account ends; this one goes on.

    With a second factor it takes a recent login, too.
    """
    account = user.account
    await stepped_up(service, user)
    await service.limits.take(Action.GUESS, account.id)
    current = given.current_password.get_secret_value()
    if not await service.passwords.verify(account.password, current):
        await service.audit.record(Event.PASSWORD_CHANGED, success=False, account_id=account.id)
        raise ProblemError(Code.INVALID_CREDENTIALS)
    password = given.new_password.get_secret_value()
    hashed = await sign_in.new_password(service, password, account.email)
    kept = user.session.id if user.session else None
    await service.database.write(
        partial(_set_password, account_id=account.id, password=hashed, kept=kept)
    )
    service.outbox.post(account.email, *service.letters.password_changed())
    await service.audit.record(Event.PASSWORD_CHANGED, account_id=account.id)
    return Response(status_code=204)


@ROUTER.post("/forgot", status_code=202, response_class=Response)
async def forgot(given: Forgotten, service: Running) -> Response:
    """Mail a link to set a new password. The answer is the same whether there is an account."""
    await mail_reset(service, given.email)
    return Response(status_code=202)


async def mail_reset(service: Running, email: str) -> None:
    """Mail the link, if there is an account; also for the page."""
    await service.limits.take(Action.MAIL, email)
    links.reset_soon(service, email)
    await service.audit.record(Event.PASSWORD_RESET_REQUESTED)


@ROUTER.post(
    "/reset",
    status_code=204,
    responses=problems(Code.INVALID_CODE, Code.PASSWORD_REFUSED, Code.INVALID_REQUEST, Code.BUSY),
)
async def reset(given: Reset, service: Running) -> Response:
    """Set a new password with the token that was mailed. Every session of the account ends."""
    await set_with_token(service, given.token, given.password.get_secret_value())
    return Response(status_code=204)


async def set_with_token(service: Running, token: str, password: str) -> Account:
    """Use up a mailed token to set a password; also for the page that the mail links to."""
    await service.limits.take(Action.GUESS)
    hashed_token, now = secret_tokens.hashed(token), time.time()
    action = await service.database.read(action_tokens.find, hashed_token, now)
    if action is None or action.purpose is not Purpose.RESET_PASSWORD:
        raise ProblemError(Code.INVALID_CODE)
    hashed = await sign_in.new_password(service, password, action.email)
    account = await service.database.write(
        partial(_use_reset, hashed_token=hashed_token, password=hashed)
    )
    if account is None:
        raise ProblemError(Code.INVALID_CODE)
    service.outbox.post(account.email, *service.letters.password_changed())
    await service.audit.record(Event.PASSWORD_RESET, account_id=account.id)
    return account


def _use_reset(connection: Connection, *, hashed_token: str, password: str) -> Account | None:
    now = time.time()
    action = action_tokens.use(connection, hashed_token, now)
    if action is None:
        return None
    account = accounts.by_id(connection, action.account_id)
    # an address that changed since is another one's by now, perhaps
    if account is None or account.email != action.email or account.disabled_at is not None:
        return None
    if account.email_verified_at is None:
        # whoever had the account never proved the address, and is somebody else perhaps
        factors.remove_all(connection, account.id)
    _set_password(connection, account_id=account.id, password=password, kept=None)
    # the mail arrived, so the address is theirs
    return accounts.change(
        connection, account.id, email_verified_at=account.email_verified_at or now
    )


def _set_password(
    connection: Connection, *, account_id: str, password: str, kept: str | None
) -> None:
    now = time.time()
    accounts.change(connection, account_id, password=password, password_changed_at=now)
    sessions.revoke_all(connection, account_id, "password changed", now, but=kept)
    # who knew the password before may have asked for another address
    action_tokens.forget(connection, account_id, Purpose.RESET_PASSWORD, Purpose.CHANGE_EMAIL)
