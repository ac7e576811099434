"""The facts about its user that an application may have (OIDC Core §5.3)."""

from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from auth.errors import Code
from auth.http.access import AnyUser, AnyUserByForm, insufficient_scope
from auth.http.openapi import problems, router
from auth.tokens import id_tokens, scopes
from auth.tokens.requested_claims import RequestedClaims
from auth.tokens.scopes import OPENID

ROUTER = router(tags=["OAuth 2.0 and OpenID Connect"])


class UserInfo(BaseModel):
    """Claims about the user: those of the token's scopes, and those asked for with `claims`."""

    sub: str = Field(examples=["5f2b7c1c6f0e4a8f9d2e3b4a5c6d7e8f"])
    name: str | None = Field(default=None, examples=["Ada Lovelace"])
    email: str | None = Field(default=None, examples=["ada@example.org"])
    email_verified: bool | None = Field(default=None, examples=[True])


_DESCRIBED: dict[str, Any] = {
    "response_model": UserInfo,
    "responses": problems(Code.INVALID_TOKEN, Code.INSUFFICIENT_SCOPE),
}


@ROUTER.get("/userinfo", **_DESCRIBED)
async def userinfo(user: AnyUser) -> JSONResponse:
    """Return the claims about the access token's user; takes the scope `openid`."""
    return _claims(user)


@ROUTER.post("/userinfo", operation_id="userinfo_by_post", **_DESCRIBED)
async def userinfo_by_post(user: AnyUserByForm) -> JSONResponse:
    """Return the claims as `GET` does; the access token comes in the header or in a form.

    In a form it is the field `access_token` (RFC 6750 §2.2).
    """
    return _claims(user)


def _claims(user: AnyUser) -> JSONResponse:
    if not scopes.covers(user.claims.scope, [OPENID]):
        raise insufficient_scope(OPENID)
    by_name = RequestedClaims.stored(user.session.requested_claims if user.session else None)
    names = scopes.claims_of(scopes.split(user.claims.scope)).union(by_name.userinfo)
    claims = {"sub": user.account.id, **id_tokens.about(user.account, names)}
    return JSONResponse(claims, headers={"Cache-Control": "no-store"})
