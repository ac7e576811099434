"""The authorization endpoint: signs the user in, asks for consent, sends a code (RFC 6749 §4.1)."""

import time
from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from auth.accounts import consents
from auth.authorization import codes, pushed, requests
from auth.authorization.errors import OAuthError
from auth.authorization.requests import (
    FORM_POST,
    Ask,
    Back,
    RefusedRequestError,
    UnusableRequestError,
)
from auth.http import browsers, destinations, languages
from auth.http.access import Running
from auth.http.cookies import service_of
from auth.http.destinations import AUTHORIZE
from auth.http.forms import form
from auth.http.openapi import router
from auth.pages.forms import Form
from auth.pages.rendering import page
from auth.service import Service
from auth.storage.browser_sessions import BrowserSession
from auth.tokens import scopes

ROUTER = router(tags=["OAuth 2.0 and OpenID Connect"])


def _parameter(name: str, description: str, example: str = "") -> dict[str, Any]:
    shown = {"example": example} if example else {}
    schema = {"type": "string"}
    return {"in": "query", "name": name, "description": description, "schema": schema, **shown}


# described, not declared: a wrong parameter is answered by a redirect or a page
_PARAMETERS = [
    _parameter("client_id", "A registered client.", "shop"),
    _parameter("redirect_uri", "A URI of that client.", "https://shop.example.org/callback"),
    _parameter("response_type", "Always `code`.", "code"),
    _parameter("scope", "With `openid` there will be an id_token.", "openid email"),
    _parameter("state", "Comes back with the answer.", "af0ifjsldkj"),
    _parameter("nonce", "Comes back in the id_token.", "n-0S6_WzA2Mj"),
    _parameter("code_challenge", "PKCE.", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
    _parameter("code_challenge_method", "Always `S256`.", "S256"),
    _parameter("prompt", "`none`, or some of `login`, `consent`, `select_account`."),
    _parameter("max_age", "The maximum age of the sign-in, in seconds."),
    _parameter("id_token_hint", "An ID token of the expected user; no other user gets a code."),
    _parameter("login_hint", "The e-mail address, if it is known.", "ada@example.org"),
    _parameter("ui_locales", "The languages that the user prefers; the first that we have counts."),
    _parameter(
        "claims",
        "Claims for userinfo and the ID token by their names, and an essential `acr` (§5.5).",
        '{"id_token": {"email": null}}',
    ),
    _parameter("acr_values", "Wanted levels, which refuse nobody; the ID token has the `acr`."),
    _parameter("request_uri", "The name of a pushed request, in place of its parameters."),
    _parameter("request", "The parameters as a JWT that the client signed (RFC 9101)."),
    _parameter("response_mode", "`query`, or `form_post` for a form that the browser sends."),
]
_HTML = {"content": {"text/html": {"schema": {"type": "string"}}}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A page that asks for consent; or, with `response_mode=form_post`, a page "
        "that sends the answer to the client.",
        **_HTML,
    },
    303: {
        "description": "To the sign-in page; or to the client, with `code`, `state` and `iss`, or "
        "with `error`, `error_description`, `state` and `iss`."
    },
    400: {"description": "A page: the client or its redirect URI is not registered.", **_HTML},
}


def install(app: FastAPI) -> None:
    @app.exception_handler(RefusedRequestError)
    async def _refused(request: Request, error: RefusedRequestError) -> Response:
        values = {"error": error.error, "error_description": error.description}
        return _answer(request, service_of(request), error.back, values)


@ROUTER.get(
    "/oauth2/authorize",
    response_class=Response,
    openapi_extra={"parameters": _PARAMETERS},
    responses=_ANSWERS,
)
async def authorize(request: Request, service: Running) -> Response:
    """Send the user to the client with a code, once they have signed in and agreed.

    For browsers. PKCE is required, unless a confidential client is registered without it.
    First-party clients need no consent, unless they are public and on the user's own machine. An
    unknown client or redirect URI ends with a page, and never with a redirect.
    """
    query = await pushed.plain(service, request.url.query)
    if query is not None:
        return RedirectResponse(AUTHORIZE + query, 303)
    ask = _ask(service, request.url.query)
    signed_in = await browsers.current(service, request)
    if signed_in is None or ask.wants_login(signed_in[0].authenticated_at, time.time()):
        if ask.silent:
            raise ask.refused("login_required", "The user has to sign in.")
        is_again = signed_in is not None or ask.wants_login(time.time(), time.time())
        target = AUTHORIZE + ask.after_login()
        answer = RedirectResponse(destinations.sign_in(target, is_again=is_again), 303)
        languages.remember(service, answer, ask.ui_locales)
        return answer
    session, account = signed_in
    if not ask.is_for(account.id):
        raise ask.wrong_user()
    if not ask.is_reached(session.amr.split()):
        raise ask.too_low()
    if (
        "consent" in ask.prompts
        or ask.unproven
        or await consents.is_needed(service, account, ask.client, ask.needs_consent_to)
    ):
        if ask.silent:
            raise ask.refused("consent_required", "The user has to agree.")
        return page(
            request,
            "consent",
            leads_to=[ask.back.redirect_uri],
            ui_locales=ask.ui_locales,
            client=ask.client.name,
            email=account.email,
            query=request.url.query,
            asked=[scopes.meaning(word) for word in scopes.split(ask.needs_consent_to)],
        )
    return await _grant(request, service, ask, session)


@ROUTER.post("/oauth2/authorize", include_in_schema=False)
async def authorize_by_form(request: Request) -> Response:
    """Take the same request as a form (OIDC Core §3.1.2.1).

    A form from another site comes without our cookie; the redirect brings it along.
    """
    try:
        fields = await form(request)
    except OAuthError as error:
        raise UnusableRequestError(error.description) from None
    return RedirectResponse(AUTHORIZE + urlencode(fields), 303)


@ROUTER.post("/oauth2/consent", include_in_schema=False)
async def consent(request: Request, service: Running, fields: Form) -> Response:
    """Apply the user's decision on the consent page."""
    query = fields.get("query", "")
    ask = _ask(service, query)
    signed_in = await browsers.current(service, request)
    # the page may have been open for longer than `max_age`
    if signed_in is None or ask.wants_login(signed_in[0].authenticated_at, time.time()):
        return RedirectResponse(AUTHORIZE + query, 303)
    session, account = signed_in
    if fields.get("decision") != "allow":
        raise ask.refused("access_denied", "The user refused.")
    await consents.grant(service, account, ask.client, ask.needs_consent_to)
    return await _grant(request, service, ask, session)


def _ask(service: Service, query: str) -> Ask:
    """Read a request; refuse a request that its client should have pushed."""
    ask = requests.read(service.settings.clients, service.tokens, query)
    if ask.client.pushes and not pushed.is_genuine(service, query):
        raise ask.refused("invalid_request", "The client has to push its requests (RFC 9126).")
    return ask


async def _grant(request: Request, service: Service, ask: Ask, session: BrowserSession) -> Response:
    code = await codes.make(service, ask, session)
    return _answer(request, service, ask.back, {"code": code})


def _answer(request: Request, service: Service, back: Back, values: dict[str, str]) -> Response:
    """Take an answer to the client, with its issuer (RFC 9207)."""
    state = {} if back.state is None else {"state": back.state}
    fields = {**values, **state, "iss": service.settings.issuer}
    uri = back.redirect_uri
    if back.response_mode == FORM_POST:
        return page(request, "form_post", leads_to=[uri], action=uri, fields=fields)
    query = urlencode(fields)
    return RedirectResponse(f"{uri}{'&' if urlsplit(uri).query else '?'}{query}", 303)
