"""Refresh tokens: each is traded once for new tokens (RFC 9700 §4.14.2)."""

import time
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection

from auth.context import CALLER
from auth.crypto import secret_tokens
from auth.service import Service
from auth.sign_in.sessions import Grant, granted
from auth.storage import accounts, sessions
from auth.storage.accounts import Account
from auth.storage.sessions import Session
from auth.telemetry.audit import Event
from auth.tokens.first_party import FIRST_PARTY


async def refresh(
    service: Service, token: str, *, client_id: str = FIRST_PARTY, dpop_key: str | None = None
) -> Grant | None:
    """Trade a refresh token for new tokens (RFC 9700 §4.14.2); None for a worthless token.

    Each works once. A token that comes a second time was stolen, or its answer got lost. Within the
    grace period, and as long as nothing that came of it was used, the answer counts as lost. After
    that its whole session ends.

    Each repetition gives another token, since the earlier answers are kept nowhere. The first of
    these tokens that is used voids the others. A void token that comes later means that two parties
    use the session, and it ends for both (RFC 9700 §4.14.2).
    """
    new = secret_tokens.make()
    work = partial(
        _rotate,
        hashed=secret_tokens.hashed(token),
        new=secret_tokens.hashed(new),
        client_id=client_id,
        dpop_key=dpop_key,
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
    return granted(service, account, session, new, expires_at, dpop_key=dpop_key)


@dataclass(frozen=True)
class _Reuse:
    session: Session


def _rotate(
    connection: Connection,
    *,
    hashed: str,
    new: str,
    client_id: str,
    dpop_key: str | None,
    address: str,
    user_agent: str,
    grace: float,
    seconds: float,
) -> tuple[Account, Session, float] | _Reuse | None:
    """Use up a refresh token and store the next, in one transaction."""
    row = sessions.by_token(connection, hashed)
    # only now: it may have waited for another use of the same token
    now = time.time()
    if row is None or row[0].client_id != client_id:
        return None
    session, used_at, expires_at = row
    if not session.live(now) or expires_at <= now:
        return None
    # a thief has the token without the key: it stays good for its owner
    if session.dpop_key not in {None, dpop_key}:
        return None
    if sessions.sibling_used(connection, hashed) or (
        used_at is not None
        and (now - used_at >= grace or sessions.descendant_used(connection, hashed))
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
