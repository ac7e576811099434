"""Forward authentication: a proxy (Caddy, nginx, Traefik) asks if a request may pass."""

from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse

from auth.errors import Code, ProblemError
from auth.http import access, browsers, destinations, problem_documents
from auth.http.access import Running
from auth.http.openapi import problems, router
from auth.service import Service
from auth.sign_in import identity
from auth.storage.accounts import Account
from auth.tokens import scopes
from auth.tokens.first_party import FIRST_PARTY

ROUTER = router(tags=["forward authentication"])
_HEADERS = {
    "X-Auth-User": "The account's id.",
    "X-Auth-Email": "The account's address, percent-encoded where it is not ASCII.",
    "X-Auth-Email-Verified": "`true` or `false`.",
    "X-Auth-Name": "The account's name, percent-encoded; empty without a name.",
    "X-Auth-Role": "`user` or `admin`.",
    "X-Auth-Client": "The application that got the token; empty for a browser.",
    "X-Auth-Scope": "The token's scopes; empty for a browser.",
}
_TEXT = {"schema": {"type": "string"}}
_PASSES = {
    "description": "The request may pass. The proxy copies the headers to the application.",
    "headers": {name: {"description": text, **_TEXT} for name, text in _HEADERS.items()},
}
_AWAY = {"description": "For a page in a browser: to the sign-in page, and back after it."}


@ROUTER.get(
    "/v1/auth/verify",
    response_class=Response,
    responses={
        200: _PASSES,
        302: _AWAY,
        **problems(Code.INVALID_TOKEN, Code.FORBIDDEN, Code.INSUFFICIENT_SCOPE),
    },
)
async def verify(
    request: Request,
    service: Running,
    role: Annotated[
        str, Query(max_length=16, description="Only an account with this role passes.")
    ] = "",
    scope: Annotated[
        str,
        Query(
            max_length=255,
            pattern=r"^[A-Za-z0-9:./_ -]*$",
            description="Only a token with these scopes passes. Without scopes, a token of other "
            "people's applications needs the scope `account`.",
        ),
    ] = "",
) -> Response:
    """Answer a proxy whether a request may pass: by its access token, or its browser's cookie.

    A browser without either that wants a page is redirected to sign in, and comes back to the
    address of the `X-Forwarded-*` headers; any other request gets 401. nginx ignores redirects from
    here, and reads the address in `X-Auth-Sign-In`.
    """
    header = request.headers.get("authorization", "")
    if header.lower().startswith("bearer "):
        user = await identity.identify(service, header.partition(" ")[2].strip())
        # the proxy's own request proves no key, as the application's address is not ours
        if user is None or user.claims.dpop_key:
            raise access.invalid_token()
        claims = user.claims
        wanted = scope or ("" if identity.is_ours(service, claims) else scopes.ACCOUNT)
        if not scopes.covers(claims.scope, wanted.split()) and claims.client_id not in identity.OWN:
            raise access.insufficient_scope(wanted)
        client = claims.client_id or FIRST_PARTY
        return _passed(user.account, role, client=client, scope=claims.scope)
    signed_in = await browsers.current(service, request)
    if signed_in is None:
        return _sign_in(service, request)
    return _passed(signed_in[1], role, client="", scope="")


def _passed(account: Account, role: str, *, client: str, scope: str) -> Response:
    if role and account.role != role:
        raise ProblemError(Code.FORBIDDEN)
    values = (
        account.id,
        quote(account.email, safe="@+!#$&'*/=?^`{|}~"),
        "true" if account.email_verified_at is not None else "false",
        quote(account.name or "", safe=" "),
        account.role,
        client,
        scope,
    )
    return Response(headers=dict(zip(_HEADERS, values, strict=True)))


def _sign_in(service: Service, request: Request) -> Response:
    """Send a browser to the sign-in page, and anything else away."""
    headers = request.headers
    forwarded = headers.get("x-forwarded-uri")
    wanted = headers.get("x-original-url", "")
    if forwarded is not None:
        scheme = headers.get("x-forwarded-proto", "https")
        wanted = f"{scheme}://{headers.get('x-forwarded-host', '')}{forwarded}"
    target = f"{service.settings.issuer}/sign-in"
    if destinations.safe(service, wanted) == wanted:
        target += "?" + urlencode({"next": wanted})
    is_page = "text/html" in headers.get("accept", "")
    asks = headers.get("x-forwarded-method", "GET") in {"GET", "HEAD"}
    if forwarded is not None and is_page and asks:
        return RedirectResponse(target, 302)
    refused = access.unauthenticated()
    return problem_documents.of(refused.code, {**(refused.headers or {}), "X-Auth-Sign-In": target})
