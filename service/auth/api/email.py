"""Proving that an e-mail address is one's own."""

import time
from functools import partial

from fastapi import Response
from sqlalchemy import Connection

from auth import links, secret_tokens
from auth.api.access import Running
from auth.api.answers import problems, router
from auth.api.models import Email, Opaque, Taken
from auth.guard.limits import Action
from auth.observe.audit import Event
from auth.problems import Code, ProblemError
from auth.storage import accounts, action_tokens
from auth.storage.accounts import Account, EmailTakenError
from auth.storage.action_tokens import Purpose

ROUTER = router(prefix="/v1/auth/verify-email", tags=["accounts"])


class Verification(Taken):
    token: Opaque


class Again(Taken):
    email: Email


@ROUTER.post("", status_code=204, responses=problems(Code.INVALID_CODE, Code.EMAIL_TAKEN))
async def verify(given: Verification, service: Running) -> Response:
    """Prove an address with the token that was mailed to it; a changed one counts from now on."""
    await verify_with_token(service, given.token)
    return Response(status_code=204)


@ROUTER.post("/resend", status_code=202, response_class=Response)
async def resend(given: Again, service: Running) -> Response:
    """Mail the link that verifies an address again.

    The answer is the same whether there is such an account.
    """
    await mail_again(service, given.email)
    return Response(status_code=202)


async def mail_again(service: Running, email: str) -> None:
    """Mail the link, if there is an account to confirm; also for the page."""
    await service.limits.take(Action.MAIL, email)
    links.verify_again_soon(service, email)


async def verify_with_token(service: Running, token: str) -> Account:
    """Use up a mailed token; also for the page that the mail links to."""
    await service.limits.take(Action.GUESS)
    try:
        found = await service.database.write(partial(_use, hashed=secret_tokens.hashed(token)))
    except EmailTakenError:
        raise ProblemError(Code.EMAIL_TAKEN) from None
    if found is None:
        raise ProblemError(Code.INVALID_CODE)
    account, previous = found
    if previous != account.email:
        service.outbox.post(previous, *service.letters.email_changed(account.email))
    await service.audit.record(Event.EMAIL_VERIFIED, account_id=account.id)
    return account


def _use(connection: Connection, *, hashed: str) -> tuple[Account, str] | None:
    """Give the account with its proven address, and the address that it had before."""
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
    # a link that was mailed to the address before must not outlive it
    action_tokens.forget(
        connection, account.id, Purpose.RESET_PASSWORD, Purpose.VERIFY_EMAIL, Purpose.CHANGE_EMAIL
    )
    return changed, account.email
