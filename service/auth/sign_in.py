"""Signing in: a password or a passkey first, then a session with its tokens.

The API and the pages share it.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection

from auth import challenges, passkeys, secret_tokens
from auth.first_party import FIRST_PARTY
from auth.guard import password_rules
from auth.guard.caller import CALLER
from auth.guard.limits import Action
from auth.observe.audit import Event
from auth.passkeys import Assertion
from auth.problems import Code, ProblemError
from auth.service import Service
from auth.storage import accounts, logins, sessions
from auth.storage import challenges as kept
from auth.storage.accounts import Account
from auth.storage.challenges import Challenge, Purpose
from auth.storage.passkeys import Passkey
from auth.storage.sessions import Session


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What a client gets for signing in; lifetimes in seconds."""

    access_token: str
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    account: Account
    session: Session


async def with_password(service: Service, email: str, password: str) -> tuple[Account, bool]:
    """Give the account whose password this is, and whether a second factor is to be asked for.

    Refuse with a ProblemError.

    Whether there is an account shows neither in the answer nor in the time it takes. That one is
    disabled is told only to who knows its password.
    """
    await service.limits.take(Action.LOGIN, email)
    found = await service.database.read(logins.find, email, *service.lockout.subjects(email))
    failed_before = service.lockout.judge(found.locked_until)
    account = found.account
    right = await service.passwords.verify(account.password if account else None, password)
    if account is None or not right:
        locked = await service.lockout.failed(email)
        await _refused(service, Event.LOGIN_LOCKED if locked else Event.LOGIN, account, "password")
        raise ProblemError(Code.INVALID_CREDENTIALS)
    await admit(service, account)
    if failed_before:
        await service.lockout.succeeded(email)
    if service.passwords.outdated(account.password):
        renewed = await service.passwords.hash(password)
        await service.database.write(accounts.rehash, account, renewed)
    return account, found.has_factor


async def with_passkey(
    service: Service, challenge: str, assertion: Assertion
) -> tuple[Account, Sequence[str]]:
    """Give whose passkey signed the challenge, and how they signed in (RFC 8176).

    Refuse with a ProblemError. The passkey verified its user, so it is both factors.
    """
    await service.limits.take(Action.LOGIN)
    found = await challenges.find(service, Purpose.PASSKEY_LOGIN, challenge)
    done = await service.database.write(
        partial(_signed, issuer=service.settings.issuer, found=found, assertion=assertion)
    )
    if done is None:
        service.metrics.logins.labels("passkey").inc()
        await service.audit.record(Event.FACTOR_REFUSED, success=False, factor=passkeys.KIND)
        raise ProblemError(Code.INVALID_FACTOR)
    account, passkey = done
    await admit(service, account)
    return account, (passkeys.amr(passkey), "user", "mfa")


def _signed(
    connection: Connection, *, issuer: str, found: Challenge, assertion: Assertion
) -> tuple[Account, Passkey] | None:
    """Use the challenge up, whether or not its answer is right; give who answered."""
    if not kept.use(connection, found.hash, time.time()):
        return None
    expected = json.loads(found.data)["webauthn"]
    passkey = passkeys.verify(connection, issuer, expected, assertion, account_id=None)
    account = accounts.by_id(connection, passkey.account_id) if passkey else None
    return (account, passkey) if account and passkey else None


async def admit(service: Service, account: Account) -> None:
    """Refuse an account that may not sign in, to who has proven to be its user."""
    if account.disabled_at is not None:
        await _refused(service, Event.LOGIN, account, "disabled")
        raise ProblemError(Code.ACCOUNT_DISABLED)
    if service.settings.require_verified_email and account.email_verified_at is None:
        await _refused(service, Event.LOGIN, account, "unverified")
        raise ProblemError(Code.EMAIL_NOT_VERIFIED)


async def _refused(service: Service, event: Event, account: Account | None, why: str) -> None:
    service.metrics.logins.labels(why).inc()
    account_id = account.id if account else None
    await service.audit.record(event, success=False, account_id=account_id, reason=why)


async def begin(
    service: Service,
    account: Account,
    *,
    amr: Sequence[str],
    client_id: str = FIRST_PARTY,
    scope: str = "",
    authenticated_at: float | None = None,
) -> Grant:
    """Begin a session, and give its first tokens. `amr`: how the user signed in (RFC 8176)."""
    session = session_of(
        service,
        account.id,
        amr=amr,
        client_id=client_id,
        scope=scope,
        authenticated_at=authenticated_at,
    )
    token, expires_at = first_refresh_token(service, session)
    hashed = secret_tokens.hashed(token)
    await complete(
        service,
        account,
        lambda connection: sessions.begin(connection, account, session, hashed, expires_at),
        session_id=session.id,
        client_id=client_id,
    )
    return granted(service, account, session, token, expires_at)


async def complete(
    service: Service, account: Account, keep: Callable[[Connection], bool], **told: str
) -> None:
    """Keep the session of who has signed in, and the record of that; `told` is what that tells.

    Refuse whose sign-in does not count any more, for which `keep` says False.
    """
    if not await service.audit.together(keep, Event.LOGIN, account_id=account.id, **told):
        # the account was changed or deleted while its password was being checked
        raise ProblemError(Code.INVALID_CREDENTIALS)
    service.metrics.logins.labels("success").inc()


def session_of(
    service: Service,
    account_id: str,
    *,
    amr: Sequence[str],
    client_id: str = FIRST_PARTY,
    scope: str = "",
    authenticated_at: float | None = None,
) -> Session:
    """Make a session of the current caller, which is not kept yet."""
    now, caller = time.time(), CALLER.get()
    return sessions.new(
        account_id=account_id,
        client_id=client_id,
        scope=scope,
        amr=" ".join(amr),
        authenticated_at=now if authenticated_at is None else authenticated_at,
        created_at=now,
        last_used_at=now,
        expires_at=now + service.settings.session_seconds,
        address=caller.address,
        user_agent=caller.user_agent,
    )


async def refresh(service: Service, token: str, *, client_id: str = FIRST_PARTY) -> Grant | None:
    """Trade a refresh token for new tokens (RFC 9700 §4.14.2); None if it is good for nothing.

    Each works once. One that comes a second time was stolen, or its answer got lost: within the
    grace period, and as long as nothing that came of it was used, it is taken for the latter.
    After that its whole session ends.
    """
    new = secret_tokens.make()
    work = partial(
        _rotate,
        hashed=secret_tokens.hashed(token),
        new=secret_tokens.hashed(new),
        client_id=client_id,
        address=CALLER.get().address,
        user_agent=CALLER.get().user_agent,
        grace=service.settings.refresh_grace_seconds,
        seconds=service.settings.refresh_token_seconds,
    )
    done = await service.database.write(work)
    if isinstance(done, _Reuse):
        service.metrics.tokens.labels("reused").inc()
        await service.audit.record(
            Event.REFRESH_TOKEN_REUSED,
            success=False,
            account_id=done.session.account_id,
            session_id=done.session.id,
            client_id=done.session.client_id,
        )
        return None
    if done is None:
        service.metrics.tokens.labels("refused").inc()
        return None
    account, session, expires_at = done
    service.metrics.tokens.labels("refreshed").inc()
    return granted(service, account, session, new, expires_at)


@dataclass(frozen=True)
class _Reuse:
    session: Session


def _rotate(
    connection: Connection,
    *,
    hashed: str,
    new: str,
    client_id: str,
    address: str,
    user_agent: str,
    grace: float,
    seconds: float,
) -> tuple[Account, Session, float] | _Reuse | None:
    """Use up a refresh token and keep the next one, in one transaction."""
    found = sessions.by_token(connection, hashed)
    # only now: it may have waited for another one's use of the same token
    now = time.time()
    if found is None or found[0].client_id != client_id:
        return None
    session, used_at, expires_at = found
    if not session.live(now) or expires_at <= now:
        return None
    if used_at is not None and (
        now - used_at >= grace or sessions.descendant_used(connection, hashed)
    ):
        sessions.revoke(connection, session.id, "refresh token reused", now)
        return _Reuse(session)
    account = accounts.by_id(connection, session.account_id)
    if account is None or account.disabled_at is not None:
        return None
    if used_at is None:
        sessions.use_token(connection, hashed, now)
    session = replace(session, last_used_at=now, address=address, user_agent=user_agent)
    sessions.touch(connection, session)
    expires_at = min(now + seconds, session.expires_at)
    sessions.add_token(connection, session, new, parent=hashed, expires_at=expires_at)
    return account, session, expires_at


async def new_password(service: Service, password: str, email: str) -> str:
    """Hash a password that an account is to have, if the rules allow it."""
    refusal = password_rules.refusal(password, email)
    if refusal is not None:
        raise ProblemError(Code.PASSWORD_REFUSED, detail=str(refusal))
    return await service.passwords.hash(password)


def first_refresh_token(service: Service, session: Session) -> tuple[str, float]:
    """Make a refresh token; give it with when it expires."""
    seconds = service.settings.refresh_token_seconds
    return secret_tokens.make(), min(session.last_used_at + seconds, session.expires_at)


def granted(
    service: Service, account: Account, session: Session, refresh_token: str, expires_at: float
) -> Grant:
    """Sign the access token that goes with a session and its refresh token."""
    service.metrics.tokens.labels("issued").inc()
    return Grant(
        access_token=access_token(service, session, session.scope),
        expires_in=service.tokens.seconds,
        refresh_token=refresh_token,
        refresh_expires_in=max(0, int(expires_at - session.last_used_at)),
        account=account,
        session=session,
    )


def access_token(service: Service, session: Session, scope: str) -> str:
    """Sign an access token of a session, for all of its scope or a part of it."""
    return service.tokens.issue(
        session.account_id,
        client_id=session.client_id,
        session_id=session.id,
        scope=scope,
        amr=session.amr.split(),
        authenticated_at=session.authenticated_at,
    )
