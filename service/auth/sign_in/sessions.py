"""Sessions: begun once a user has signed in, each with its first tokens."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from auth.context import CALLER
from auth.crypto import secret_tokens
from auth.errors import Code, ProblemError
from auth.service import Service
from auth.storage import sessions
from auth.storage.accounts import Account
from auth.storage.sessions import Session
from auth.telemetry.audit import Event
from auth.tokens.first_party import FIRST_PARTY


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """The result of a sign-in for a client; lifetimes in seconds."""

    access_token: str
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    account: Account
    session: Session


async def begin(
    service: Service,
    account: Account,
    *,
    amr: Sequence[str],
    client_id: str = FIRST_PARTY,
    scope: str = "",
    authenticated_at: float | None = None,
) -> Grant:
    """Begin a session, and return its first tokens. `amr`: the methods used (RFC 8176)."""
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
    service: Service, account: Account, keep: Callable[[Connection], bool], **details: str
) -> None:
    """Store the session of a signed-in user together with its audit event, which has `details`.

    Refuse a sign-in that does not count any more, for which `keep` returns False.
    """
    if not await service.audit.record_with(keep, Event.LOGIN, account_id=account.id, **details):
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
    browser_id: str | None = None,
    requested_claims: str | None = None,
    dpop_key: str | None = None,
) -> Session:
    """Make a session of the current caller, which is not stored yet."""
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
        browser_id=browser_id,
        requested_claims=requested_claims,
        dpop_key=dpop_key,
        address=caller.address,
        user_agent=caller.user_agent,
    )


def first_refresh_token(service: Service, session: Session) -> tuple[str, float]:
    """Make a refresh token; return it with the time at which it expires."""
    seconds = service.settings.refresh_token_seconds
    return secret_tokens.make(), min(session.last_used_at + seconds, session.expires_at)


def granted(
    service: Service,
    account: Account,
    session: Session,
    refresh_token: str,
    expires_at: float,
    *,
    dpop_key: str | None = None,
) -> Grant:
    """Sign the access token that goes with a session and its refresh token."""
    service.metrics.tokens.labels("issued").inc()
    return Grant(
        access_token=access_token(service, session, session.scope, dpop_key),
        expires_in=service.tokens.seconds,
        refresh_token=refresh_token,
        refresh_expires_in=max(0, int(expires_at - session.last_used_at)),
        account=account,
        session=session,
    )


def access_token(
    service: Service, session: Session, scope: str, dpop_key: str | None = None
) -> str:
    """Sign an access token of a session, for all of its scope or a part of it.

    With the thumbprint of a key, the token is of use only with a proof of that key (RFC 9449 §6).
    """
    return service.tokens.issue(
        session.account_id,
        client_id=session.client_id,
        session_id=session.id,
        scope=scope,
        amr=session.amr.split(),
        authenticated_at=session.authenticated_at,
        dpop_key=dpop_key,
    )
