"""The account and the session behind an access token."""

import time
from dataclasses import dataclass

from auth.service import Service
from auth.storage import accounts, sessions
from auth.storage.accounts import Account
from auth.storage.sessions import Session
from auth.tokens import scopes
from auth.tokens.access_tokens import Claims, TokenError, unknown_kid
from auth.tokens.first_party import FIRST_PARTY

# tokens of the previous release name no client, and are our own
OWN = frozenset({"", FIRST_PARTY})


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The user of an access token. Tokens of the previous release name no session."""

    account: Account
    session: Session | None
    claims: Claims

    @property
    def manages_account(self) -> bool:
        """Return whether the token is for more than to be signed in to another application."""
        is_ours = self.claims.client_id in OWN
        return is_ours or scopes.covers(self.claims.scope, [scopes.ACCOUNT])

    def is_live(self, now: float) -> bool:
        """Return whether neither the account nor the session was ended."""
        account = self.account
        if account.disabled_at is not None:
            return False
        if self.session is not None:
            return self.session.live(now)
        return self.claims.issued_at >= (account.password_changed_at or 0)


async def identify(service: Service, token: str) -> SignedIn | None:
    """Return the user of an access token, None unless it is good and its session still counts."""
    try:
        claims = service.tokens.verify(token)
    except TokenError:
        if not unknown_kid(token, service.tokens.keys):
            return None
        await service.reload_keys()
        try:
            claims = service.tokens.verify(token)
        except TokenError:
            return None
    user = service.token_cache.get(token)
    if user is None:
        user = await _look_up(service, claims)
        service.token_cache.put(token, user)
    return user if user is not None and user.is_live(time.time()) else None


async def _look_up(service: Service, claims: Claims) -> SignedIn | None:
    if claims.session_id:
        row = await service.database.read(sessions.with_account, claims.subject, claims.session_id)
        return SignedIn(*row, claims) if row else None
    account = await service.database.read(accounts.by_id, claims.subject)
    return SignedIn(account, None, claims) if account else None


def is_ours(service: Service, claims: Claims) -> bool:
    """Return whether a token belongs to an application of our own."""
    client = service.settings.clients.find(claims.client_id)
    return claims.client_id in OWN or (client is not None and client.first_party)
