"""The device authorization endpoint (RFC 8628 §3.1)."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from auth.authorization import device
from auth.http.access import Running
from auth.http.destinations import DEVICE_PAGE
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
    {"scope": forms.text("With `openid` there will be an id_token."), **CLIENT_PARAMETERS},
    [],
    {"client_id": "tv", "scope": "openid email"},
)


class DeviceAuthorization(BaseModel):
    """The codes of a device and of its user (RFC 8628 §3.2); times in seconds."""

    device_code: str
    user_code: str = Field(examples=["WDJB-MJHT"])
    verification_uri: str = Field(examples=["https://auth.example.org/device"])
    verification_uri_complete: str = Field(
        examples=["https://auth.example.org/device?user_code=WDJB-MJHT"]
    )
    expires_in: int = Field(examples=[device.SECONDS])
    interval: int = Field(examples=[device.PAUSE_SECONDS])


@ROUTER.post(
    "/oauth2/device_authorization",
    response_model=DeviceAuthorization,
    openapi_extra=_DESCRIBED,
    responses=errors(
        {
            400: {
                "invalid_request": "A parameter occurs twice.",
                "invalid_scope": "The client may not have all of these scopes.",
                "unauthorized_client": "The client is not registered for this grant type.",
            },
            401: INVALID_CLIENT,
        }
    ),
)
async def authorize_device(request: Request, service: Running, fields: Form) -> JSONResponse:
    """Begin the sign-in of a device without a browser.

    It shows its user the code and the address, and asks at `/oauth2/token` for the decision.
    """
    await service.limits.take(Action.TOKEN)
    client = await authenticated(service, request, fields, public=True)
    device_code, user_code = await device.begin(service, client, fields.get("scope", ""))
    page = service.settings.issuer + DEVICE_PAGE
    answer = DeviceAuthorization(
        device_code=device_code,
        user_code=user_code,
        verification_uri=page,
        verification_uri_complete=f"{page}?{urlencode({'user_code': user_code})}",
        expires_in=device.SECONDS,
        interval=device.PAUSE_SECONDS,
    )
    return JSONResponse(answer.model_dump(), headers={"Cache-Control": "no-store"})
