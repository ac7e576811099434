"""Signing out of this browser, also at an application's request (OIDC RP-Initiated Logout)."""

import time
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from auth.authorization.parameters import parameters
from auth.http import browsers
from auth.http.access import Running
from auth.http.forms import form
from auth.pages.forms import Form
from auth.pages.rendering import page
from auth.service import Service
from auth.storage import sessions
from auth.telemetry.audit import Event
from auth.tokens import id_tokens
from auth.tokens.id_tokens import Hint

ROUTER = APIRouter(include_in_schema=False)


@ROUTER.get("/oauth2/logout")
async def logout(request: Request, service: Running) -> Response:
    """Sign out at once if the application proves the sign-in to be its own; else ask the user."""
    return await _logout(request, service, request.url.query)


@ROUTER.post("/oauth2/logout")
async def logout_by_form(request: Request, service: Running) -> Response:
    return await _logout(request, service, urlencode(await form(request)))


@ROUTER.post("/sign-out")
async def sign_out(request: Request, service: Running, fields: Form) -> Response:
    """Sign out a user who confirmed it on a page of ours."""
    values = _read(fields.get("query", ""))
    return await _done(request, service, values, None)


async def _logout(request: Request, service: Service, query: str) -> Response:
    values = _read(query)
    hint = id_tokens.hint(service.tokens, values.get("id_token_hint", ""))
    signed_in = await browsers.current(service, request)
    # a link on some page signs nobody out, unless it holds an id_token of this very user
    if signed_in is not None and (hint is None or hint.subject != signed_in[1].id):
        leads_to = _redirect(service, values, hint)
        return page(
            request,
            "sign_out",
            leads_to=[leads_to] if leads_to else [],
            email=signed_in[1].email,
            query=query,
        )
    return await _done(request, service, values, hint)


async def _done(
    request: Request, service: Service, values: dict[str, str], hint: Hint | None
) -> Response:
    if hint is None:
        hint = id_tokens.hint(service.tokens, values.get("id_token_hint", ""))
    target = _redirect(service, values, hint)
    answer: Response = RedirectResponse(target, 303) if target else page(request, "signed_out")
    signed_in = await browsers.current(service, request)
    if signed_in is not None:
        await browsers.end(service, request, answer)
        await service.audit.record(Event.LOGOUT, account_id=signed_in[1].id)
    if hint is not None and (signed_in is None or signed_in[1].id == hint.subject):
        await service.database.write(
            sessions.revoke, hint.session_id, "logout", time.time(), account_id=hint.subject
        )
    return answer


def _redirect(service: Service, values: dict[str, str], hint: Hint | None) -> str:
    """Return the URI that the client wants the user back at, "" unless it is registered."""
    client_id = values.get("client_id", hint.client_id if hint else "")
    client = service.settings.clients.find(client_id)
    wanted = values.get("post_logout_redirect_uri", "")
    if client is None or (hint is not None and hint.client_id != client_id):
        return ""
    if wanted not in client.post_logout_redirect_uris:
        return ""
    state = values.get("state")
    if state is None:
        return wanted
    return f"{wanted}{'&' if urlsplit(wanted).query else '?'}{urlencode({'state': state})}"


def _read(query: str) -> dict[str, str]:
    try:
        return parameters(query)
    except ValueError:
        return {}
