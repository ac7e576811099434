"""The endpoint where applications register themselves (RFC 7591)."""

from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from auth.authorization import self_registration
from auth.http.access import Running
from auth.http.openapi import router
from auth.oauth.errors import errors
from auth.protection.limits import Action

ROUTER = router(tags=["OAuth 2.0 and OpenID Connect"])
_DESCRIBED: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "example": {
                    "client_name": "Web Shop",
                    "redirect_uris": ["https://shop.example.org/callback"],
                },
            }
        },
    },
}


class RegisteredClient(BaseModel):
    """A client as it is registered (RFC 7591 §3.2.1), with all of its metadata."""

    model_config = ConfigDict(extra="allow")

    client_id: str
    client_id_issued_at: int
    client_secret: str | None = Field(default=None, description="Shown this once.")
    redirect_uris: list[str]


@ROUTER.post(
    "/oauth2/register",
    status_code=201,
    response_model=RegisteredClient,
    openapi_extra=_DESCRIBED,
    responses=errors(
        {
            400: {
                "invalid_client_metadata": "The metadata can't be registered.",
                "invalid_redirect_uri": "A redirect URI can't be registered.",
            },
            401: {"invalid_token": "The initial access token is missing or wrong."},
        }
    ),
)
async def register(request: Request, service: Running) -> JSONResponse:
    """Register an application with the initial access token as `Authorization: Bearer`.

    Its users are always asked for consent, and it gets the scopes `openid`, `profile` and `email`
    alone. Metadata that the service does not know is ignored.
    """
    await service.limits.take(Action.TOKEN)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    made = await self_registration.register(
        service, token.strip() if scheme.lower() == "bearer" else "", await request.body()
    )
    return JSONResponse(made, status_code=201, headers={"Cache-Control": "no-store"})
