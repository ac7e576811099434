"""Verification: the proof that an e-mail address belongs to the user of an account.

Anybody can register an address. A user who opens the link of a registration that somebody else made
would give that person a proven account with a known password. So a link counts alone only for its
registrant; anybody else sets the password with it, and all from before ends.

The link of a change of address may reach a stranger, after a typing error. It takes the user's
sign-in or the password: a stranger with a proven address could set a new password by mail.
"""

import time
from dataclasses import dataclass

from sqlalchemy import Connection

from auth.accounts import mailed_links, passwords
from auth.clients.endpoints import Kind
from auth.clients.webhooks import Webhooks
from auth.crypto import secret_tokens
from auth.errors import Code, ProblemError
from auth.languages.messages import Message
from auth.protection.limits import Action
from auth.service import Service
from auth.storage import accounts, action_tokens
from auth.storage.accounts import Account, EmailTakenError
from auth.storage.action_tokens import Purpose
from auth.telemetry.audit import Event

_OF_CHANGE = Message("The link may have reached a stranger: send the password of the account, too.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """The right that the token of a mail gives: to prove the address of an account."""

    account: Account
    is_registration: bool
    is_change: bool

    def asks_password(self, *, is_registrant: bool) -> bool:
        """Return whether the link takes the password that the account has or, if new, will have.

        `is_registrant` is also the user of a change of address, who is signed in.
        """
        return (self.is_registration or self.is_change) and not is_registrant


async def mail_again(service: Service, email: str) -> None:
    """Mail the link again, if there is an account with this address to verify."""
    await service.limits.take(Action.MAIL, email)
    mailed_links.verify_again_soon(service, email)


async def find(service: Service, token: str) -> Proof:
    """Return the proof that an action token gives; raise INVALID_CODE for a worthless token."""
    hashed = secret_tokens.hashed(token)
    action = await service.database.read(action_tokens.find, hashed, time.time())
    if action is None or action.purpose is Purpose.RESET_PASSWORD:
        raise ProblemError(Code.INVALID_CODE)
    account = await service.database.read(accounts.by_id, action.account_id)
    if account is None:
        raise ProblemError(Code.INVALID_CODE)
    unproven = account.email_verified_at is None
    return Proof(
        account=account,
        is_registration=unproven and action.purpose is Purpose.VERIFY_EMAIL,
        is_change=action.purpose is Purpose.CHANGE_EMAIL,
    )


async def verify(
    service: Service, token: str, proof: Proof, *, is_registrant: bool, password: str = ""
) -> Account:
    """Use a mailed action token up; return the account with its proven address.

    The password is that of the account, or becomes that of a registration: then its sessions and
    its second factors are somebody else's, and end. Raise a ProblemError: PASSWORD_REQUIRED if it
    is missing, INVALID_CREDENTIALS if it is wrong at a change of address, PASSWORD_REFUSED,
    INVALID_CODE, or EMAIL_TAKEN if another account has the address by now.
    """
    password_hash = ""
    if proof.asks_password(is_registrant=is_registrant):
        if not password:
            detail = _OF_CHANGE if proof.is_change else None
            raise ProblemError(Code.PASSWORD_REQUIRED, detail=detail)
        if proof.is_change:
            await service.limits.take_for(Action.GUESS, proof.account.id)
        if not (await service.passwords.verify(proof.account.password, password)).right:
            if proof.is_change:
                raise ProblemError(
                    Code.INVALID_CREDENTIALS, detail=Message("The password is wrong.")
                )
            password_hash = await passwords.new_hash(service, password, proof.account.email)
    hashed = secret_tokens.hashed(token)
    try:
        changed = await service.database.write(
            _use, service.webhooks, hashed=hashed, password_hash=password_hash
        )
    except EmailTakenError:
        raise ProblemError(Code.EMAIL_TAKEN) from None
    if changed is None:
        raise ProblemError(Code.INVALID_CODE)
    account, previous_email = changed
    if previous_email != account.email:
        service.mail_queue.post(
            previous_email, *service.messages.in_language_of(account).email_changed(account.email)
        )
    if password_hash:
        await service.audit.record(Event.PASSWORD_RESET, account_id=account.id)
    await service.audit.record(Event.EMAIL_VERIFIED, account_id=account.id)
    return account


def _use(
    connection: Connection, webhooks: Webhooks, *, hashed: str, password_hash: str
) -> tuple[Account, str] | None:
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
    if password_hash:
        passwords.take_over(connection, account_id=account.id, password_hash=password_hash)
    changed = accounts.change(connection, account.id, email=action.email, email_verified_at=now)
    if changed is None:
        return None
    # a link that was mailed to the previous address must not outlive it
    action_tokens.forget(
        connection, account.id, Purpose.RESET_PASSWORD, Purpose.VERIFY_EMAIL, Purpose.CHANGE_EMAIL
    )
    if changed.email != account.email:
        webhooks.announce(connection, Kind.EMAIL_CHANGED, changed, previous_email=account.email)
    return changed, account.email
