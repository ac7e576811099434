"""Who asks: dependencies that a route names as parameters."""

import time
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from auth import second_factor
from auth.first_party import FIRST_PARTY
from auth.oauth import scopes
from auth.problems import Code, ProblemError
from auth.service import Service
from auth.storage import accounts, factors, sessions
from auth.storage.accounts import ADMIN, Account
from auth.storage.sessions import Session
from auth.tokens import Claims, TokenError, unknown_kid

# tokens of the release before name no client, and are our own
OWN = frozenset({"", FIRST_PARTY})


async def the_service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


Running = Annotated[Service, Depends(the_service)]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whose access token a request came with. Tokens of the release before name no session."""

    account: Account
    session: Session | None
    claims: Claims

    @property
    def manages_account(self) -> bool:
        """Tell whether the token is for more than to be signed in to another application."""
        own = self.claims.client_id in OWN
        return own or scopes.covers(self.claims.scope, [scopes.ACCOUNT])

    def stands(self, now: float) -> bool:
        """Tell whether neither the account nor the session was ended."""
        account = self.account
        if account.disabled_at is not None:
            return False
        if self.session is not None:
            return self.session.live(now)
        return self.claims.issued_at >= (account.password_changed_at or 0)


async def identify(service: Service, token: str) -> SignedIn | None:
    """Give whose access token this is, None unless it is good and its session still stands."""
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
    found = service.known.get(token)
    if found is None:
        found = await _look_up(service, claims)
        service.known.put(token, found)
    return found if found is not None and found.stands(time.time()) else None


async def _look_up(service: Service, claims: Claims) -> SignedIn | None:
    if claims.session_id:
        row = await service.database.read(sessions.with_account, claims.subject, claims.session_id)
        return SignedIn(*row, claims) if row else None
    account = await service.database.read(accounts.by_id, claims.subject)
    return SignedIn(account, None, claims) if account else None


class Bearer(HTTPBearer):
    """Gives whose access token a request came with (RFC 6750).

    An application's token does nothing here unless it has the scope `account`, or `any_client` may
    come. One dependency does it all: each that FastAPI has to resolve costs as much as the query.
    """

    def __init__(self, *, required: bool, any_client: bool = False) -> None:
        super().__init__(bearerFormat="JWT", description="An access token.", auto_error=False)
        self._required, self._any_client = required, any_client

    async def __call__(self, request: Request) -> SignedIn | None:  # type: ignore[override]
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        found = None
        if scheme.lower() == "bearer" and token:
            found = await identify(request.app.state.service, token.strip())
        if found is None and self._required:
            raise unauthenticated()
        if found is not None and not self._any_client and not found.manages_account:
            raise insufficient_scope(scopes.ACCOUNT)
        return found


def is_ours(service: Service, claims: Claims) -> bool:
    """Tell whether a token is one of our own applications', and not one that a user agreed to."""
    client = service.settings.oauth.clients.find(claims.client_id)
    return claims.client_id in OWN or (client is not None and client.first_party)


def unauthenticated() -> ProblemError:
    return ProblemError(Code.INVALID_TOKEN, {"WWW-Authenticate": 'Bearer realm="auth"'})


def insufficient_scope(scope: str) -> ProblemError:
    """Refuse a token as RFC 6750 §3.1 has it; `scope` is ours, or was checked to be one."""
    challenge = f'Bearer realm="auth", error="insufficient_scope", scope="{scope}"'
    return ProblemError(Code.INSUFFICIENT_SCOPE, {"WWW-Authenticate": challenge})


User = Annotated[SignedIn, Security(Bearer(required=True))]
AnyUser = Annotated[SignedIn, Security(Bearer(required=True, any_client=True))]
PerhapsUser = Annotated[SignedIn | None, Security(Bearer(required=False))]


async def signed_in_lately(service: Running, user: User) -> SignedIn:
    """Refuse what is done once and for all to who has not signed in within the last minutes."""
    if user.session is None or not await second_factor.shown_lately(service, user.session):
        raise ProblemError(Code.REAUTHENTICATION_REQUIRED)
    return user


async def stepped_up(service: Service, user: SignedIn) -> None:
    """Refuse likewise, but only for accounts with a second factor: others show the password."""
    if await service.database.read(factors.of, user.account.id):
        await signed_in_lately(service, user)


RecentUser = Annotated[SignedIn, Depends(signed_in_lately)]


async def administrator(service: Running, user: User) -> SignedIn:
    # as the database says now, not as the token said when it was made; and no user can agree that
    # somebody else's application does this to other users
    if user.account.role != ADMIN or not is_ours(service, user.claims):
        raise ProblemError(Code.FORBIDDEN)
    return user


Administrator = Annotated[SignedIn, Depends(administrator)]
