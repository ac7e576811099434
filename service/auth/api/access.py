"""Who asks: dependencies that a route names as parameters."""

import time
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from auth.problems import Code, ProblemError
from auth.service import Service
from auth.storage import accounts, sessions
from auth.storage.accounts import ADMIN, Account
from auth.storage.sessions import Session
from auth.tokens import Claims, TokenError, unknown_kid

BEARER = HTTPBearer(auto_error=False, bearerFormat="JWT", description="An access token.")


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


async def identify(service: Service, token: str) -> SignedIn | None:
    """Give whose access token this is, None unless it is good and its session still stands."""
    if unknown_kid(token, service.tokens.keys):
        await service.reload_keys()
    try:
        claims = service.tokens.verify(token)
    except TokenError:
        return None
    account: Account | None
    session: Session | None = None
    if claims.session_id:
        found = await service.database.read(
            sessions.with_account, claims.subject, claims.session_id
        )
        account, session = found or (None, None)
        if session is not None and not session.live(time.time()):
            return None
    else:
        account = await service.database.read(accounts.by_id, claims.subject)
        changed = account.password_changed_at if account else None
        if changed is not None and claims.issued_at < changed:
            return None
    if account is None or account.disabled_at is not None:
        return None
    return SignedIn(account, session, claims)


async def signed_in(
    service: Running, bearer: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)]
) -> SignedIn:
    """Refuse a request without an access token that is good now (RFC 6750)."""
    found = await identify(service, bearer.credentials.strip()) if bearer else None
    if found is None:
        raise unauthenticated()
    return found


def unauthenticated() -> ProblemError:
    return ProblemError(Code.INVALID_TOKEN, {"WWW-Authenticate": 'Bearer realm="auth"'})


User = Annotated[SignedIn, Depends(signed_in)]


async def signed_in_lately(service: Running, user: User) -> SignedIn:
    """Refuse what is done once and for all to who has not signed in within the last minutes."""
    seconds = service.settings.reauthentication_seconds
    if user.session is None or user.session.authenticated_at < time.time() - seconds:
        raise ProblemError(Code.REAUTHENTICATION_REQUIRED)
    return user


RecentUser = Annotated[SignedIn, Depends(signed_in_lately)]


async def administrator(user: User) -> SignedIn:
    # as the database says now, not as the token said when it was made
    if user.account.role != ADMIN:
        raise ProblemError(Code.FORBIDDEN)
    return user


Administrator = Annotated[SignedIn, Depends(administrator)]
