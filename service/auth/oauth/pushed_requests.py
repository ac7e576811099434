"""Pushed authorization requests (RFC 9126)."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from auth.authorization import pushed
from auth.http import dpop
from auth.http.access import Running
from auth.http.forms import form
from auth.http.openapi import router
from auth.oauth import forms
from auth.oauth.client_authentication import authenticated
from auth.oauth.errors import errors
from auth.oauth.token import CLIENT_PARAMETERS, INVALID_CLIENT
from auth.protection.limits import Action

ROUTER = router(tags=["OAuth 2.0 and OpenID Connect"])
Form = Annotated[dict[str, str], Depends(form)]
_DESCRIBED = forms.described(
    {
        "response_type": forms.text("Always `code`."),
        "redirect_uri": forms.text("A URI of the client."),
        "scope": forms.text("With `openid` there will be an id_token."),
        "request": forms.text("The parameters as a JWT that the client signed (RFC 9101)."),
        **CLIENT_PARAMETERS,
    },
    [],
    {
        "client_id": "shop",
        "response_type": "code",
        "redirect_uri": "https://shop.example.org/callback",
        "scope": "openid email",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    },
)


class PushedRequest(BaseModel):
    """The name of a stored request (RFC 9126 §2.2)."""

    request_uri: str = Field(examples=["urn:ietf:params:oauth:request_uri:Rk9sV2xqYk5q"])
    expires_in: int = Field(examples=[pushed.SECONDS])


@ROUTER.post(
    "/oauth2/par",
    status_code=201,
    response_model=PushedRequest,
    openapi_extra=_DESCRIBED,
    responses=errors(
        {
            400: {
                "invalid_dpop_proof": "The DPoP proof is wrong, too old, or was used.",
                "invalid_request": "The authorization request would be refused.",
                "invalid_scope": "The client may not have all of these scopes.",
                "invalid_request_object": "The client did not sign the request as it should.",
                "request_not_supported": "The client has no registered keys.",
                "unauthorized_client": "The client is not registered for this grant type.",
                "unsupported_response_type": "response_type must be code.",
            },
            401: INVALID_CLIENT,
        }
    ),
)
async def push(request: Request, service: Running, fields: Form) -> JSONResponse:
    """Store an authorization request; the browser then brings its `request_uri` alone.

    With all parameters of `/oauth2/authorize`. The name works once, within a minute and a half.
    """
    await service.limits.take(Action.TOKEN)
    client = await authenticated(service, request, fields, public=True)
    dpop_key = await dpop.key_of(service, request)
    answer = PushedRequest(
        request_uri=await pushed.push(service, client, fields, dpop_key=dpop_key),
        expires_in=pushed.SECONDS,
    )
    return JSONResponse(answer.model_dump(), status_code=201, headers={"Cache-Control": "no-store"})
