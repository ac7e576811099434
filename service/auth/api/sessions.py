"""Signing in and out, and the sessions in between."""

import time

from fastapi import Request, Response
from pydantic import BaseModel, Field

from auth.api.models import Tokens, moment, signed_in, written
from auth.errors import Code, ProblemError
from auth.http import devices
from auth.http.access import PerhapsUser, Running, User, service_of, unauthenticated
from auth.http.fields import Credentials, Identity, Opaque, Taken
from auth.http.openapi import problems, router
from auth.protection.limits import Action
from auth.sign_in import password as password_sign_in
from auth.sign_in import refresh as refresh_tokens
from auth.sign_in import second_factor, sign_out
from auth.sign_in.sessions import begin
from auth.storage import sessions

ROUTER = router(tags=["sessions"])


class RefreshToken(Taken):
    refresh_token: Opaque


class SessionEntry(BaseModel):
    id: str
    client_id: str = Field(examples=["first-party"])
    address: str = Field(description="The address of its last use.", examples=["192.0.2.7"])
    user_agent: str
    created_at: str
    last_used_at: str
    expires_at: str
    current: bool = Field(description="Whether this request belongs to the session.")


class Sessions(BaseModel):
    sessions: list[SessionEntry]


@ROUTER.post(
    "/v1/auth/login",
    response_model=Tokens,
    responses=problems(
        Code.INVALID_CREDENTIALS,
        Code.SECOND_FACTOR_REQUIRED,
        Code.ACCOUNT_DISABLED,
        Code.EMAIL_NOT_VERIFIED,
        Code.BUSY,
    ),
)
async def login(request: Request, body: Credentials) -> Response:
    """Trade an e-mail address and a password for tokens.

    A client that keeps the cookie of the answer is never limited by a count that it shares with
    strangers.

    An account with a second factor gets the problem `second_factor_required` instead. It holds a
    `challenge` for `/v1/auth/login/second-factor`, the `methods` of the account, the seconds until
    the challenge expires (`expires_in`), and the options of a passkey for the browser (`webauthn`).
    """
    service, password = service_of(request), body.password.get_secret_value()
    device = devices.known(service, request, body.email)
    account, has_factor = await password_sign_in.with_password(
        service, body.email, password, device=device
    )
    question = await second_factor.question(service, account) if has_factor else None
    if question is not None:
        raise question.problem()
    grant = await begin(service, account, amr=["pwd"])
    return signed_in(service, request, grant)


@ROUTER.post(
    "/v1/auth/refresh",
    response_model=Tokens,
    responses=problems(Code.INVALID_REFRESH_TOKEN),
)
async def refresh(request: Request, body: RefreshToken) -> Response:
    """Trade a refresh token for new tokens.

    A refresh token works once. If the answer gets lost, the same token may be sent again within
    some seconds; later than that it counts as stolen, and its session ends.
    """
    service = service_of(request)
    await service.limits.take(Action.REFRESH)
    grant = await refresh_tokens.refresh(service, body.refresh_token)
    if grant is None:
        raise ProblemError(Code.INVALID_REFRESH_TOKEN)
    return written(Tokens.of(grant))


@ROUTER.post("/v1/auth/logout", status_code=204, responses=problems(Code.INVALID_TOKEN))
async def logout(service: Running, user: PerhapsUser, body: RefreshToken | None = None) -> Response:
    """End a session: that of the access token, or that of the refresh token in the body.

    A refresh token needs no access token. An unknown refresh token is no error, since its session
    is over.
    """
    if body is not None:
        await sign_out.by_refresh_token(service, body.refresh_token)
    elif user is None:
        raise unauthenticated()
    elif user.session is not None:
        await sign_out.session(service, user.session)
    return Response(status_code=204)


@ROUTER.post("/v1/auth/logout-all", status_code=204, responses=problems(Code.INVALID_TOKEN))
async def logout_all(service: Running, user: User) -> Response:
    """End every session of the account, on all devices."""
    await sign_out.everywhere(service, user.account.id)
    return Response(status_code=204)


@ROUTER.get("/v1/me/sessions", responses=problems(Code.INVALID_TOKEN))
async def list_sessions(service: Running, user: User) -> Sessions:
    """List where the account is signed in, the last used session first."""
    live_sessions = await service.database.read(sessions.live, user.account.id, time.time())
    current = user.session.id if user.session else None
    return Sessions(
        sessions=[
            SessionEntry(
                id=session.id,
                client_id=session.client_id,
                address=session.address,
                user_agent=session.user_agent,
                created_at=moment(session.created_at),
                last_used_at=moment(session.last_used_at),
                expires_at=moment(session.expires_at),
                current=session.id == current,
            )
            for session in live_sessions
        ]
    )


@ROUTER.delete(
    "/v1/me/sessions/{session_id}",
    status_code=204,
    responses=problems(Code.INVALID_TOKEN, Code.NOT_FOUND),
)
async def end_session(session_id: Identity, service: Running, user: User) -> Response:
    """End a session of the account."""
    if not await sign_out.another_session(service, user.account.id, session_id):
        raise ProblemError(Code.NOT_FOUND)
    return Response(status_code=204)
