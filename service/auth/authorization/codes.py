"""Authorization codes: made for a signed-in user, traded for tokens once."""

import hmac
import re
import time
from functools import partial

from sqlalchemy import Connection

from auth.authorization.errors import OAuthError
from auth.authorization.requests import Ask
from auth.clients.clients import REFRESH, Client
from auth.crypto import secret_tokens
from auth.protection.limits import Action
from auth.service import Service
from auth.sign_in.sessions import Grant, first_refresh_token, granted, session_of
from auth.storage import accounts, oauth_codes, sessions
from auth.storage.accounts import Account
from auth.storage.browser_sessions import BrowserSession
from auth.storage.oauth_codes import KeptCode
from auth.storage.sessions import Session
from auth.telemetry.audit import Event
from auth.tokens import id_tokens

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


async def make(service: Service, ask: Ask, session: BrowserSession) -> str:
    """Make a code for a request."""
    if not ask.is_for(session.account_id):
        raise ask.wrong_user()
    if not ask.is_reached(session.amr.split()):
        raise ask.too_low()
    await service.limits.take(Action.TOKEN)
    code, now = secret_tokens.make(), time.time()
    stored = KeptCode(
        hash=secret_tokens.hashed(code),
        account_id=session.account_id,
        client_id=ask.client.id,
        redirect_uri=ask.back.redirect_uri,
        code_challenge=ask.challenge,
        scope=ask.scope,
        nonce=ask.nonce,
        amr=session.amr,
        authenticated_at=session.authenticated_at,
        created_at=now,
        expires_at=now + service.settings.code_seconds,
        browser_id=session.id,
        requested_claims=ask.claims.to_store(id_tokens.levels(session.amr.split())),
        dpop_key=ask.dpop_key,
    )
    consented = "" if ask.client.first_party else ask.needs_consent_to
    keep = partial(oauth_codes.add, browser=session.hash, consented=consented)
    if not await service.database.write(keep, stored):
        # the user signed out, was disabled or deleted meanwhile, or withdrew the consent
        raise ask.refused("access_denied", "The user has signed out, or has withdrawn the consent.")
    return code


async def redeem(
    service: Service,
    client: Client,
    *,
    code: str,
    verifier: str,
    redirect_uri: str,
    dpop_key: str | None,
) -> tuple[Grant, str | None]:
    """Trade a code for tokens; return them with the nonce that belongs to the code.

    `verifier` is PKCE's, "" without; `dpop_key` the thumbprint of the proven key. The refresh
    tokens of a public client are bound to it, those of others to their client (RFC 9449 §5).

    A code that comes a second time was stolen, or its client is broken. The tokens
    of the first time end, and nobody gets new tokens (RFC 9700 §4.5).
    """
    hashed, now = secret_tokens.hashed(code), time.time()
    stored = await service.database.read(oauth_codes.find, hashed)
    if stored is None or stored.client_id != client.id:
        raise _refused()
    # the code stays usable: a client without its verifier must not end the sign-in of another
    if stored.used_at is None and (
        stored.expires_at <= now
        or stored.redirect_uri != redirect_uri
        or not _verified(stored, verifier)
        or stored.dpop_key not in {None, dpop_key}
    ):
        raise _refused()
    session = session_of(
        service,
        stored.account_id,
        amr=stored.amr.split(),
        client_id=client.id,
        scope=stored.scope,
        authenticated_at=stored.authenticated_at,
        browser_id=stored.browser_id,
        requested_claims=stored.requested_claims,
        dpop_key=dpop_key if client.public else None,
    )
    token, expires_at = first_refresh_token(service, session)
    refreshes = REFRESH in client.grants
    done = await service.database.write(
        partial(
            _use,
            hashed=hashed,
            session=session,
            refresh_hash=secret_tokens.hashed(token) if refreshes else None,
            expires_at=expires_at,
        )
    )
    if isinstance(done, str):
        service.metrics.tokens.labels("code_reused").inc()
        # a single event: the owner of a used code could fill the log with it
        if done:
            await service.audit.record(
                Event.CODE_REUSED,
                success=False,
                account_id=stored.account_id,
                session_id=done,
                client_id=client.id,
            )
    if not isinstance(done, Account):
        raise _refused()
    await service.audit.record(
        Event.SESSION_STARTED,
        account_id=stored.account_id,
        session_id=session.id,
        client_id=client.id,
    )
    refresh_token = token if refreshes else ""
    grant = granted(service, done, session, refresh_token, expires_at, dpop_key=dpop_key)
    return grant, stored.nonce


def _use(
    connection: Connection,
    *,
    hashed: str,
    session: Session,
    refresh_hash: str | None,
    expires_at: float,
) -> Account | str | None:
    """Use up a code and begin its session, in one transaction.

    Return the account; or the id of the session that ends because the code was used before, "" for
    a session that has ended already; or None for a code that is worthless.
    """
    now = time.time()
    stored = oauth_codes.find(connection, hashed, lock=True)
    if stored is None:
        return None
    if stored.used_at is not None:
        if stored.session_id is None:
            return ""
        ended = sessions.revoke(connection, stored.session_id, "code reused", now)
        return stored.session_id if ended else ""
    account = accounts.by_id(connection, stored.account_id)
    if account is None or account.disabled_at is not None:
        return None
    oauth_codes.use(connection, hashed, session.id, now)
    sessions.add(connection, session, refresh_hash, expires_at)
    return account


def _verified(stored: KeptCode, verifier: str) -> bool:
    if not stored.code_challenge:
        # RFC 9700 §4.8.2: a verifier without a challenge shows that somebody removed the challenge
        return not verifier
    if not _VERIFIER.fullmatch(verifier):
        return False
    # S256: the challenge is made as our hashes are, SHA-256 in base64url (RFC 7636 §4.2)
    return hmac.compare_digest(secret_tokens.hashed(verifier), stored.code_challenge)


def _refused() -> OAuthError:
    return OAuthError("invalid_grant", "The code is wrong, used or expired, or not for this use.")
