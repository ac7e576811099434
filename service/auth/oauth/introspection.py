"""Introspection (RFC 7662, RFC 9701) and revocation (RFC 7009) of tokens."""

import time
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from auth.authorization.errors import OAuthError
from auth.clients.clients import Client
from auth.crypto import secret_tokens
from auth.http import dpop
from auth.http.access import Running
from auth.http.forms import form
from auth.http.openapi import router
from auth.oauth import forms
from auth.oauth.client_authentication import authenticated
from auth.oauth.errors import errors
from auth.oauth.token import CLIENT_PARAMETERS, INVALID_CLIENT
from auth.protection.limits import Action
from auth.service import Service
from auth.sign_in import identity
from auth.storage import sessions
from auth.telemetry.audit import Event
from auth.tokens import scopes, signing_keys
from auth.tokens.access_tokens import TokenError

ROUTER = router(tags=["OAuth 2.0 and OpenID Connect"])
Form = Annotated[dict[str, str], Depends(form)]
_TOKEN_PARAMETERS = {
    "token": forms.text("An access token or a refresh token."),
    "token_type_hint": forms.text("Not needed: the kind is recognised."),
    **CLIENT_PARAMETERS,
}
_EXAMPLE = {"token": "Rk9sV2xqYk5qT0xqT3lqU0xqT3lqU0xqT3lqU0xqT3k"}


class Introspection(BaseModel):
    """The facts about a token; a worthless token has `active` alone."""

    active: bool
    scope: str | None = Field(default=None, examples=["openid email"])
    client_id: str | None = Field(default=None, examples=["shop"])
    username: str | None = Field(default=None, examples=["ada@example.org"])
    token_type: str | None = Field(default=None, examples=["Bearer"])
    sub: str | None = Field(default=None, examples=["5f2b7c1c6f0e4a8f9d2e3b4a5c6d7e8f"])
    sid: str | None = None
    iss: str | None = Field(default=None, examples=["https://auth.example.org"])
    aud: str | None = Field(default=None, examples=["https://auth.example.org"])
    iat: int | None = None
    exp: int | None = None
    jti: str | None = None
    cnf: dict[str, str] | None = Field(
        default=None, description="`jkt` is the thumbprint of the token's key (RFC 9449 §6.2)."
    )


_INACTIVE = Introspection(active=False)
_SIGNED_TYPE = "token-introspection+jwt"
_SIGNED = f"application/{_SIGNED_TYPE}"


@ROUTER.post(
    "/oauth2/introspect",
    response_model=Introspection,
    openapi_extra=forms.described(_TOKEN_PARAMETERS, ["token"], _EXAMPLE),
    responses=errors({400: {"invalid_request": "token is missing."}, 401: INVALID_CLIENT})
    | {200: {"content": {_SIGNED: {"schema": {"type": "string"}}}}},
)
async def introspect(request: Request, service: Running, fields: Form) -> Response:
    """Describe a token to a confidential client, by the current state of the database.

    Any client may ask about an access token, since any API may receive one; only its own client may
    ask about a refresh token. A client that accepts `application/token-introspection+jwt` gets the
    answer as a JWT, signed with RS256 (RFC 9701).
    """
    await service.limits.take(Action.TOKEN)
    client = await authenticated(service, request, fields, public=False)
    token = _token(fields)
    introspection = await _access_token(service, token)
    if not introspection.active:
        introspection = await _refresh_token(service, client, token)
    facts, headers = introspection.model_dump(exclude_none=True), {"Cache-Control": "no-store"}
    if _SIGNED in request.headers.get("accept", "").lower():
        return Response(_signed(service, client, facts), media_type=_SIGNED, headers=headers)
    return JSONResponse(facts, headers=headers)


def _signed(service: Service, client: Client, facts: dict[str, Any]) -> str:
    """Sign the answer for the client alone.

    It has neither `sub` nor `exp`, so that nobody takes it for an access token (RFC 9701 §5, §8.1).
    """
    claims = {
        "iss": service.tokens.issuer,
        "aud": client.id,
        "iat": int(time.time()),
        "token_introspection": facts,
    }
    # §6: RS256 is the default for clients that register no algorithm
    key = service.tokens.keys.current(signing_keys.RS256)
    return service.tokens.sign(claims, key, kind=_SIGNED_TYPE)


async def _access_token(service: Service, token: str) -> Introspection:
    signed_in = await identity.identify(service, token)
    if signed_in is not None:
        claims = signed_in.claims
        tells = claims.client_id in identity.OWN or scopes.covers(claims.scope, [scopes.EMAIL])
        username = signed_in.account.email if tells else None
    else:
        try:
            claims, username = service.tokens.verify(token), None
        except TokenError:
            return _INACTIVE
        # a client's own token: it has no session that could have ended
        known = service.settings.clients.find(claims.client_id)
        if known is None or claims.subject != claims.client_id:
            return _INACTIVE
    return Introspection(
        active=True,
        scope=claims.scope or None,
        client_id=claims.client_id or None,
        username=username,
        token_type=dpop.SCHEME if claims.dpop_key else "Bearer",
        sub=claims.subject,
        sid=claims.session_id or None,
        iss=service.tokens.issuer,
        aud=service.tokens.audience,
        iat=claims.issued_at,
        exp=claims.expires_at,
        jti=claims.token_id or None,
        cnf=_confirmation(claims.dpop_key),
    )


async def _refresh_token(service: Service, client: Client, token: str) -> Introspection:
    now = time.time()
    hashed = secret_tokens.hashed(token)
    row = await service.database.read(sessions.by_token, hashed)
    if row is None:
        return _INACTIVE
    session, used_at, expires_at = row
    if (
        session.client_id != client.id
        or used_at is not None
        or expires_at <= now
        or not session.live(now)
        or await service.database.read(sessions.sibling_used, hashed)
    ):
        return _INACTIVE
    return Introspection(
        active=True,
        scope=session.scope or None,
        client_id=client.id,
        sub=session.account_id,
        sid=session.id,
        iss=service.tokens.issuer,
        exp=int(expires_at),
        cnf=_confirmation(session.dpop_key),
    )


def _confirmation(dpop_key: str | None) -> dict[str, str] | None:
    return {"jkt": dpop_key} if dpop_key else None


@ROUTER.post(
    "/oauth2/revoke",
    openapi_extra=forms.described(_TOKEN_PARAMETERS, ["token"], _EXAMPLE),
    response_class=Response,
    responses=errors(
        {
            400: {
                "invalid_request": "token is missing.",
                "unsupported_token_type": "A client's own access token only expires.",
            },
            401: INVALID_CLIENT,
        }
    )
    | {200: {"description": "The token is void now."}},
)
async def revoke(request: Request, service: Running, fields: Form) -> Response:
    """End the session that a client's refresh token or access token belongs to.

    Both tokens end, since they come from the same sign-in. An unknown token is no error.
    """
    await service.limits.take(Action.TOKEN)
    client = await authenticated(service, request, fields, public=True)
    token, now = _token(fields), time.time()
    session_id = await _session_of(service, client, token)
    if session_id is not None and await service.database.write(
        sessions.revoke, session_id, "revoked by client", now
    ):
        service.metrics.tokens.labels("revoked").inc()
        await service.audit.record(Event.TOKEN_REVOKED, session_id=session_id, client_id=client.id)
    return Response(headers={"Cache-Control": "no-store"})


async def _session_of(service: Service, client: Client, token: str) -> str | None:
    """Return the session of a token, None for an unknown token or another client's."""
    row: Any = await service.database.read(sessions.by_token, secret_tokens.hashed(token))
    if row is not None:
        return row[0].id if row[0].client_id == client.id else None
    try:
        claims = service.tokens.verify(token)
    except TokenError:
        return None
    if claims.client_id != client.id:
        return None
    if not claims.session_id:
        raise OAuthError("unsupported_token_type", "A client's own access token only expires.")
    return claims.session_id


def _token(fields: dict[str, str]) -> str:
    if "token" not in fields:
        raise OAuthError("invalid_request", "token is missing.")
    return fields["token"]
