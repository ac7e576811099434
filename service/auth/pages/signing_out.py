"""Signing out of this browser, also at an application's request (OIDC RP-Initiated Logout)."""

import time
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from auth.authorization.errors import OAuthError
from auth.authorization.parameters import parameters
from auth.http import browsers
from auth.http.access import Running
from auth.http.forms import form
from auth.languages.messages import Message, msgid
from auth.pages.forms import Form
from auth.pages.rendering import page
from auth.service import Service
from auth.sign_in import sign_out
from auth.storage import sessions
from auth.storage.accounts import Account
from auth.storage.browser_sessions import BrowserSession
from auth.telemetry.audit import Event
from auth.tokens import id_tokens
from auth.tokens.id_tokens import Hint

ROUTER = APIRouter(include_in_schema=False)


_UNREADABLE = msgid("The request can't be read, or has a parameter twice.")
_FOREIGN_HINT = msgid("The application does not prove the sign-in that it wants to end.")
_UNREGISTERED = msgid("The address to which the application wants you back is not registered.")


class RefusedLogoutError(Exception):
    """The request of an application can't be followed; the browser stays signed in."""


@ROUTER.get("/oauth2/logout")
async def logout(request: Request, service: Running) -> Response:
    """Sign out at once if the application proves the sign-in to be its own; else ask the user.

    A wrong request gets an error, and signs nobody out (RP-Initiated Logout §2, §4).
    """
    query = request.url.query
    values = _read(query)
    hint = _hint(service, values)
    target = _redirect(service, values, hint)
    signed_in = await browsers.current(service, request)
    # a link on some page signs nobody out, unless it holds an ID token of this very sign-in
    if signed_in is not None and not await _began_here(service, hint, *signed_in):
        return _question(request, signed_in[1], query=query, leads_to=target)
    return await _done(request, service, signed_in, hint, target)


@ROUTER.post("/oauth2/logout")
async def logout_by_form(request: Request) -> Response:
    """Take the same request as a form (RP-Initiated Logout §2: both GET and POST).

    A form from another site comes without our cookie; the redirect brings it along.
    """
    try:
        fields = await form(request)
    except OAuthError:
        raise RefusedLogoutError(_UNREADABLE) from None
    return RedirectResponse(f"/oauth2/logout?{urlencode(fields)}", 303)


@ROUTER.get("/sign-out")
async def show(request: Request, service: Running) -> Response:
    """Ask the user; the answer to the form can't be opened or reloaded."""
    signed_in = await browsers.current(service, request)
    if signed_in is None:
        return page(request, "signed_out")
    return _question(request, signed_in[1], query="", leads_to="")


@ROUTER.post("/sign-out")
async def confirmed(request: Request, service: Running, fields: Form) -> Response:
    """Sign out a user who confirmed it on a page of ours."""
    values = _read(fields.get("query", ""))
    hint = _hint(service, values)
    target = _redirect(service, values, hint)
    return await _done(request, service, await browsers.current(service, request), hint, target)


def install(app: FastAPI) -> None:
    @app.exception_handler(RefusedLogoutError)
    async def _refused(request: Request, error: RefusedLogoutError) -> Response:
        title = Message("This sign-out can't go on")
        return page(request, "sign_out_refused", status=400, title=title, text=Message(str(error)))


def _question(request: Request, account: Account, *, query: str, leads_to: str) -> Response:
    return page(
        request,
        "sign_out",
        leads_to=[leads_to] if leads_to else [],
        email=account.email,
        query=query,
    )


async def _began_here(
    service: Service, hint: Hint | None, browser: BrowserSession, account: Account
) -> bool:
    """Return whether the hint's session was begun in this browser session.

    The user's sign-in on another device, or an earlier sign-in, is another session.
    """
    if hint is None or hint.subject != account.id or browser.id is None:
        return False
    begun_in = await service.database.read(sessions.begun_in, hint.session_id, account.id)
    return begun_in == browser.id


async def _done(
    request: Request,
    service: Service,
    signed_in: tuple[BrowserSession, Account] | None,
    hint: Hint | None,
    target: str,
) -> Response:
    answer: Response = RedirectResponse(target, 303) if target else page(request, "signed_out")
    if signed_in is not None:
        await browsers.end(service, request, answer)
        await service.audit.record(Event.LOGOUT, account_id=signed_in[1].id)
    if hint is not None and (signed_in is None or signed_in[1].id == hint.subject):
        await service.database.write(
            sessions.revoke, hint.session_id, "logout", time.time(), account_id=hint.subject
        )
    if signed_in is not None:
        await sign_out.applications_of(service, signed_in[0])
    return answer


def _hint(service: Service, values: dict[str, str]) -> Hint | None:
    """Return the sign-in that the application names, None if it names none."""
    if "id_token_hint" not in values:
        return None
    hint = id_tokens.hint(service.tokens, values["id_token_hint"])
    # §2: with both, the client must be the client that the ID token was issued to
    if hint is None or values.get("client_id", hint.client_id) != hint.client_id:
        raise RefusedLogoutError(_FOREIGN_HINT)
    return hint


def _redirect(service: Service, values: dict[str, str], hint: Hint | None) -> str:
    """Return the URI that the client wants the user back at, "" if it wants none."""
    wanted = values.get("post_logout_redirect_uri", "")
    if not wanted:
        return ""
    client_id = values.get("client_id", hint.client_id if hint else "")
    client = service.settings.clients.find(client_id)
    # §3: the value must have been registered, character by character
    if client is None or wanted not in client.post_logout_redirect_uris:
        raise RefusedLogoutError(_UNREGISTERED)
    state = values.get("state")
    if state is None:
        return wanted
    return f"{wanted}{'&' if urlsplit(wanted).query else '?'}{urlencode({'state': state})}"


def _read(query: str) -> dict[str, str]:
    try:
        return parameters(query)
    except ValueError:
        raise RefusedLogoutError(_UNREADABLE) from None
