"""The token endpoint (RFC 6749 §3.2): tokens for a code, a refresh token or a client's secret."""

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from auth.authorization import codes, device
from auth.authorization.errors import OAuthError
from auth.authorization.requests import wants_identity
from auth.clients.clients import CODE, CREDENTIALS, DEVICE, GRANTS, REFRESH, Client
from auth.crypto import secret_tokens
from auth.http import dpop
from auth.http.access import Running
from auth.http.forms import form
from auth.http.openapi import router
from auth.oauth import forms
from auth.oauth.client_authentication import authenticated
from auth.oauth.errors import errors
from auth.protection.limits import Action
from auth.service import Service
from auth.sign_in import refresh as refresh_tokens
from auth.sign_in.sessions import Grant, access_token
from auth.storage import sessions
from auth.tokens import id_tokens, scopes

ROUTER = router(tags=["OAuth 2.0 and OpenID Connect"])
Form = Annotated[dict[str, str], Depends(form)]

CLIENT_PARAMETERS = {
    "client_id": forms.text("Unless it is in the header.", example="shop"),
    "client_secret": forms.text("Of a confidential client, unless it is in the header."),
    "client_assertion": forms.text("A JWT that a client with registered keys signed (RFC 7523)."),
    "client_assertion_type": forms.text("With client_assertion, its type."),
}
INVALID_CLIENT = {"invalid_client": "The client is unknown, or its secret or key is wrong."}
_DESCRIBED = forms.described(
    {
        "grant_type": forms.text("The kind of the grant.", enum=list(GRANTS)),
        "code": forms.text("With authorization_code."),
        "redirect_uri": forms.text("With authorization_code: the same as in the request."),
        "code_verifier": forms.text("With authorization_code: PKCE's, if there was a challenge."),
        "refresh_token": forms.text("With refresh_token."),
        "device_code": forms.text("With the grant type of devices (RFC 8628)."),
        "scope": forms.text("With refresh_token or client_credentials: some of the scopes."),
        **CLIENT_PARAMETERS,
    },
    ["grant_type"],
    {
        "grant_type": CODE,
        "code": "Rk9sV2xqYk5qT0xqT3lqU0xqT3lqU0xqT3lqU0xqT3k",
        "redirect_uri": "https://shop.example.org/callback",
        "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        "client_id": "shop",
    },
)


class TokenAnswer(BaseModel):
    """Tokens (RFC 6749 §5.1, OIDC Core §3.1.3.3)."""

    access_token: str
    token_type: str = Field(default="Bearer", description="`DPoP` for a token bound to a key.")
    expires_in: int = Field(examples=[600])
    scope: str | None = Field(default=None, examples=["openid email"])
    refresh_token: str | None = Field(
        default=None, description="Works once. Given to clients with the grant type refresh_token."
    )
    id_token: str | None = Field(default=None, description="With the scope openid.")


@ROUTER.post(
    "/oauth2/token",
    response_model=TokenAnswer,
    openapi_extra=_DESCRIBED,
    responses=errors(
        {
            400: {
                "invalid_request": "A parameter is missing, or occurs twice.",
                "access_denied": "The user refused the device.",
                "authorization_pending": "The user of the device has not decided yet.",
                "expired_token": "The code of the device is expired.",
                "invalid_dpop_proof": "The DPoP proof is wrong, too old, or was used.",
                "invalid_grant": "The code or refresh token is wrong, used or expired.",
                "invalid_scope": "The client may not have all of these scopes.",
                "slow_down": "The device asks too often.",
                "unauthorized_client": "The client is not registered for this grant type.",
                "unsupported_grant_type": "The grant type is unknown.",
            },
            401: INVALID_CLIENT,
        }
    ),
)
async def token(request: Request, service: Running, fields: Form) -> JSONResponse:
    """Trade a code, a refresh token or a client's own secret for tokens.

    Errors are in the format of RFC 6749 §5.2, as clients expect.
    """
    await service.limits.take(Action.TOKEN)
    client = await authenticated(service, request, fields, public=True)
    kind = _required(fields, "grant_type")
    if kind not in _GRANTS:
        raise OAuthError("unsupported_grant_type", "The grant type is unknown.")
    if kind not in client.grants:
        raise OAuthError("unauthorized_client", "The client is not registered for this grant type.")
    dpop_key = await dpop.key_of(service, request)
    if client.bound and dpop_key is None:
        raise OAuthError("invalid_request", "The client has to prove its key (DPoP).")
    answer = await _GRANTS[kind](service, client, fields, dpop_key)
    if dpop_key is not None:
        answer.token_type = dpop.SCHEME
    return JSONResponse(
        answer.model_dump(exclude_none=True),
        headers={"Cache-Control": "no-store", "Pragma": "no-cache"},
    )


async def _code(
    service: Service, client: Client, fields: dict[str, str], dpop_key: str | None
) -> TokenAnswer:
    grant, nonce = await codes.redeem(
        service,
        client,
        code=_required(fields, "code"),
        verifier=_required(fields, "code_verifier")
        if client.pkce
        else fields.get("code_verifier", ""),
        redirect_uri=_required(fields, "redirect_uri"),
        dpop_key=dpop_key,
    )
    return _answer(service, client, grant, grant.access_token, grant.session.scope, nonce=nonce)


async def _refresh(
    service: Service, client: Client, fields: dict[str, str], dpop_key: str | None
) -> TokenAnswer:
    refresh_token = _required(fields, "refresh_token")
    narrowed = await _narrowed(service, refresh_token, fields.get("scope", ""))
    grant = await refresh_tokens.refresh(
        service, refresh_token, client_id=client.id, dpop_key=dpop_key
    )
    if grant is None:
        raise OAuthError("invalid_grant", "The refresh token is wrong, expired or revoked.")
    session = grant.session
    if not narrowed or set(narrowed) == set(session.scope.split()):
        return _answer(service, client, grant, grant.access_token, session.scope, nonce=None)
    scope = scopes.joined(narrowed)
    narrow = access_token(service, session, scope, dpop_key)
    return _answer(service, client, grant, narrow, scope, nonce=None)


async def _narrowed(service: Service, refresh_token: str, scope: str) -> tuple[str, ...]:
    """Return the scopes that the refresh asks for; refuse before the token is used up (§6)."""
    asked = scopes.split(scope)
    if asked:
        hashed = secret_tokens.hashed(refresh_token)
        row = await service.database.read(sessions.by_token, hashed)
        if row is not None and not scopes.covers(row[0].scope, asked):
            raise OAuthError("invalid_scope", "More is asked for than was granted.")
    return asked


async def _credentials(
    service: Service, client: Client, fields: dict[str, str], dpop_key: str | None
) -> TokenAnswer:
    own_scopes = [word for word in client.scopes if word not in scopes.OF_USERS]
    asked = scopes.split(fields.get("scope", "")) or tuple(own_scopes)
    if not set(asked) <= set(own_scopes):
        raise OAuthError(
            "invalid_scope",
            "The client is not registered for all of these scopes, or they are about a user.",
        )
    scope = scopes.joined(asked)
    service.metrics.tokens.labels("issued").inc()
    return TokenAnswer(
        access_token=service.tokens.issue(
            client.id, client_id=client.id, scope=scope, dpop_key=dpop_key
        ),
        expires_in=service.tokens.seconds,
        scope=scope or None,
    )


async def _device(
    service: Service, client: Client, fields: dict[str, str], dpop_key: str | None
) -> TokenAnswer:
    grant = await device.redeem(
        service, client, _required(fields, "device_code"), dpop_key=dpop_key
    )
    return _answer(service, client, grant, grant.access_token, grant.session.scope, nonce=None)


_GRANTS: dict[str, Any] = {
    CODE: _code,
    REFRESH: _refresh,
    CREDENTIALS: _credentials,
    DEVICE: _device,
}


def _answer(
    service: Service,
    client: Client,
    grant: Grant,
    access_token: str,
    scope: str,
    *,
    nonce: str | None,
) -> TokenAnswer:
    identity = None
    if wants_identity(scope):
        identity = id_tokens.issue(
            service.tokens,
            grant.account,
            grant.session,
            access_token=access_token,
            nonce=nonce,
            algorithm=client.algorithm,
        )
    return TokenAnswer(
        access_token=access_token,
        expires_in=grant.expires_in,
        scope=scope,
        refresh_token=grant.refresh_token or None,
        id_token=identity,
    )


def _required(fields: dict[str, str], name: str) -> str:
    if name not in fields:
        raise OAuthError("invalid_request", f"{name} is missing.")
    return fields[name]
