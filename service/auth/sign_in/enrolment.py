"""Enrolment: adding and removing second factors, with recovery codes, mails and other sessions."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from auth.errors import Code, ProblemError
from auth.languages.messages import Message
from auth.protection.limits import Action
from auth.service import Service
from auth.sign_in import challenges, one_time_codes, passkeys
from auth.sign_in.passkeys import Assertion
from auth.sign_in.second_factor import sealed_for
from auth.storage import accounts, browser_sessions, factors, sessions
from auth.storage import challenges as stored_challenges
from auth.storage import passkeys as stored_passkeys
from auth.storage.accounts import Account
from auth.storage.browser_sessions import BrowserSession
from auth.storage.challenges import Purpose
from auth.storage.passkeys import Passkey
from auth.storage.sessions import Session
from auth.telemetry.audit import Event

TOTP = "authenticator app"
Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """The user who changes the factors of an account, and the session in use.

    `renewed` is the hash of the browser's new cookie when its session gets more rights: a copy of
    the earlier cookie is worthless.
    """

    account: Account
    here: Session | BrowserSession
    renewed: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Invitation:
    """The secret for an authenticator app, in base32, and as a URI (otpauth)."""

    secret: str
    uri: str


async def new_codes(service: Service, owner: Owner) -> list[str]:
    """Make ten new recovery codes; earlier codes are void."""
    account = owner.account
    codes = one_time_codes.new_recovery_codes()

    def work(connection: Connection) -> bool:
        has = bool(factors.of(connection, account.id))
        if has:
            _replace_codes(connection, account, codes)
        return has

    if not await _change(service, owner, work):
        raise ProblemError(Code.CONFLICT, detail=Message("There is no second factor to recover."))
    await service.audit.record(Event.RECOVERY_CODES_RENEWED, account_id=account.id)
    service.mail_queue.post(
        account.email, *service.messages.in_language_of(account).recovery_codes_renewed()
    )
    return codes


async def begin_totp(service: Service, owner: Owner) -> Invitation:
    """Make a secret for an authenticator app. It counts once a code of it is confirmed."""
    account = owner.account
    secret = one_time_codes.new_secret()
    sealed = service.sealer.seal(secret.encode(), sealed_for(account.id))

    def work(connection: Connection) -> bool:
        return factors.begin_totp(connection, account.id, sealed, time.time())

    if not await _change(service, owner, work):
        raise ProblemError(Code.CONFLICT, detail=Message("There is an authenticator app already."))
    return _invitation(service, account, secret)


async def begun_totp(service: Service, account: Account) -> Invitation | None:
    """Return the invitation that `begin_totp` made last, None once it was confirmed."""
    totp = await service.database.read(factors.totp, account.id)
    if totp is None or totp.confirmed:
        return None
    secret = service.sealer.open(totp.secret, sealed_for(account.id)).decode()
    return _invitation(service, account, secret)


def _invitation(service: Service, account: Account, secret: str) -> Invitation:
    issuer = service.settings.issuer.partition("://")[2]
    return Invitation(
        secret=secret, uri=one_time_codes.uri(secret, account=account.email, issuer=issuer)
    )


async def confirm_totp(service: Service, owner: Owner, code: str) -> list[str] | None:
    """Turn TOTP on, with a first code; return the recovery codes if the account had no factor."""
    account = owner.account
    await service.limits.take(Action.GUESS, account.id)
    code = one_time_codes.typed(code)
    codes = one_time_codes.new_recovery_codes()
    now = time.time()

    def work(connection: Connection) -> tuple[bool, bool]:
        totp = factors.totp(connection, account.id)
        if totp is None or totp.confirmed:
            return False, False
        secret = service.sealer.open(totp.secret, sealed_for(account.id)).decode()
        step = one_time_codes.step_of(secret, code)
        if step is None:
            return False, False
        first = not factors.of(connection, account.id)
        factors.confirm_totp(connection, account.id, now)
        factors.use_step(connection, account.id, step)
        if first:
            _first_factor(connection, owner, codes, "pwd otp mfa")
        return True, first

    done, first = await _change(service, owner, work)
    if not done:
        await service.audit.record(Event.FACTOR_REFUSED, success=False, account_id=account.id)
        raise ProblemError(Code.INVALID_FACTOR)
    await _added(service, account, TOTP)
    return codes if first else None


async def begin_passkey(service: Service, account: Account) -> tuple[str, dict[str, Any]]:
    """Return the challenge for a new passkey, and the options of `navigator.credentials.create`."""
    options, expected = await passkeys.invitation(service, account)
    purpose = Purpose.PASSKEY_REGISTRATION
    return await challenges.issue(service, purpose, account.id, {"webauthn": expected}), options


async def add_passkey(
    service: Service, owner: Owner, challenge: str, credential: Assertion, *, name: str
) -> tuple[Passkey, list[str] | None]:
    """Store the passkey that a browser made; return recovery codes if it is the first factor."""
    account = owner.account
    open_challenge = await challenges.find(service, Purpose.PASSKEY_REGISTRATION, challenge)
    if open_challenge.account_id != account.id:
        raise ProblemError(Code.INVALID_CHALLENGE)
    passkey = passkeys.registered(
        service.settings.issuer,
        json.loads(open_challenge.data)["webauthn"],
        credential,
        account_id=account.id,
        name=name,
    )
    if passkey is None:
        raise ProblemError(Code.INVALID_FACTOR)
    codes = one_time_codes.new_recovery_codes()

    def work(connection: Connection) -> bool | None:
        if not stored_challenges.use(connection, open_challenge.hash, time.time()):
            return None
        first = not factors.of(connection, account.id)
        stored_passkeys.add(connection, passkey)
        if first:
            _first_factor(connection, owner, codes, f"pwd {passkeys.amr(passkey)} mfa")
        return first

    try:
        first = await _change(service, owner, work)
    except stored_passkeys.KnownPasskeyError:
        raise ProblemError(
            Code.CONFLICT, detail=Message("This passkey is registered already.")
        ) from None
    if first is None:
        raise ProblemError(Code.INVALID_CHALLENGE)
    await _added(service, account, passkeys.KIND)
    return passkey, codes if first else None


async def remove_totp(service: Service, owner: Owner) -> None:
    def work(connection: Connection) -> bool:
        removed = factors.remove_totp(connection, owner.account.id)
        _without_factor(connection, owner.account)
        return removed

    removed = await _change(service, owner, work)
    await _removed(service, owner.account, TOTP, removed=removed)


async def remove_passkey(service: Service, owner: Owner, identity: str) -> None:
    def work(connection: Connection) -> bool:
        removed = stored_passkeys.remove(connection, owner.account.id, identity)
        _without_factor(connection, owner.account)
        return removed

    removed = await _change(service, owner, work)
    await _removed(service, owner.account, passkeys.KIND, removed=removed)


async def reset(service: Service, account: Account, actor_id: str) -> None:
    """Remove every factor of another user's account, and end its sessions."""

    def work(connection: Connection) -> bool:
        stored_challenges.forget(connection, account.id)
        had = factors.remove_all(connection, account.id)
        if had:
            sessions.revoke_all(connection, account.id, "second factor reset", time.time())
        return had

    if await service.database.write(work):
        await service.audit.record(
            Event.FACTOR_REMOVED, account_id=account.id, actor_id=actor_id, factor="every"
        )
        service.mail_queue.post(
            account.email, *service.messages.in_language_of(account).second_factor_reset()
        )


async def _change(service: Service, owner: Owner, work: Callable[[Connection], Answer]) -> Answer:
    """Do the work in one transaction, if the owner's login still counts at its end.

    Otherwise a session that ends at this moment could leave a factor of its own behind.
    """

    def claimed(connection: Connection) -> Answer:
        # the account first, in the order of every change that ends its sessions
        if not accounts.hold(connection, owner.account) or not _is_live(connection, owner.here):
            raise ProblemError(Code.REAUTHENTICATION_REQUIRED)
        return work(connection)

    return await service.database.write(claimed)


def _is_live(connection: Connection, here: Session | BrowserSession) -> bool:
    if isinstance(here, BrowserSession):
        return browser_sessions.is_live(connection, here.hash)
    return sessions.is_live(connection, here.id, time.time())


def _first_factor(connection: Connection, owner: Owner, codes: list[str], amr: str) -> None:
    """Set recovery codes, and end the other sessions, which have the password alone."""
    account, here, now = owner.account, owner.here, time.time()
    # a login whose password is being checked was not asked for the factor: it counts no more
    accounts.change(connection, account.id, password_changed_at=now)
    _replace_codes(connection, account, codes)
    why = "second factor added"
    # the factor was shown a moment ago
    if isinstance(here, BrowserSession):
        sessions.revoke_all(connection, account.id, why, now, but_browser=here.hash)
        browser_sessions.step_up(connection, here.hash, owner.renewed, amr, now)
    else:
        sessions.revoke_all(connection, account.id, why, now, but=here.id)
        sessions.step_up(connection, here.id, amr, now)


def _replace_codes(connection: Connection, account: Account, codes: list[str]) -> None:
    hashes = [one_time_codes.recovery_hash(account.id, code) for code in codes]
    factors.replace_codes(connection, account.id, hashes, time.time())


def _without_factor(connection: Connection, account: Account) -> None:
    """Remove the recovery codes with the last factor: alone they would be a second password."""
    if not factors.of(connection, account.id):
        factors.replace_codes(connection, account.id, [], time.time())


async def _added(service: Service, account: Account, factor: str) -> None:
    await service.audit.record(Event.FACTOR_ADDED, account_id=account.id, factor=factor)
    service.mail_queue.post(
        account.email, *service.messages.in_language_of(account).factor_added(factor)
    )


async def _removed(service: Service, account: Account, factor: str, *, removed: bool) -> None:
    if not removed:
        raise ProblemError(Code.NOT_FOUND)
    await service.audit.record(Event.FACTOR_REMOVED, account_id=account.id, factor=factor)
    service.mail_queue.post(
        account.email, *service.messages.in_language_of(account).factor_removed(factor)
    )
