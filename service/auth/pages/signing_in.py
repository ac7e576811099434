"""The sign-in page: a password and the account's second factor, or a passkey instead."""

import json
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import ValidationError

from auth.errors import Code, ProblemError
from auth.http import browsers, destinations, devices
from auth.http.access import Running
from auth.http.fields import Credentials
from auth.http.webauthn import PasskeyAssertion
from auth.languages.messages import Message
from auth.pages.forms import Form
from auth.pages.rendering import page
from auth.service import Service
from auth.sign_in import challenges, passkeys, second_factor
from auth.sign_in import password as password_sign_in
from auth.sign_in.second_factor import Question
from auth.storage.accounts import Account

ROUTER = APIRouter(include_in_schema=False)
_LATE = ProblemError(
    Code.INVALID_CHALLENGE,
    detail=Message("The time is over, or there were too many attempts. Please sign in again."),
)
_PASSKEY_REFUSED = {
    Code.INVALID_CHALLENGE: _LATE,
    Code.INVALID_FACTOR: ProblemError(
        Code.INVALID_FACTOR,
        detail=Message("This passkey is not registered here. Sign in with your password."),
    ),
}


@ROUTER.get("/sign-in")
async def show(request: Request, service: Running) -> Response:
    target = destinations.safe(service, request.query_params.get("next", ""))
    return form(
        service,
        request,
        target,
        email=destinations.parameter(target, "login_hint"),
        fresh=request.query_params.get("fresh", ""),
    )


@ROUTER.get("/sign-in/passkey/offer")
async def offer(service: Running) -> Response:
    """Return the options for passkeys among a browser's suggestions: each visitor's page asks."""
    options, token = passkeys.offer(service)
    seconds = challenges.OFFER_SECONDS
    return JSONResponse({"challenge": token, "expires_in": seconds, "webauthn": options})


@ROUTER.get("/sign-in/{step:path}")
async def show_again(step: str) -> Response:
    """Begin again: the answer to a form can't be opened or reloaded."""
    del step
    return RedirectResponse("/sign-in", 303)


@ROUTER.post("/sign-in")
async def with_password(request: Request, service: Running, fields: Form) -> Response:
    """Check the password as the API does, with its limits, its lockout and its words."""
    target = destinations.safe(service, fields.get("next", ""))
    email, fresh = fields.get("email", ""), fields.get("fresh", "")
    try:
        # the API's own model, so that nothing passes here that is refused there
        credentials = Credentials.model_validate(
            {"email": email, "password": fields.get("password", "")}
        )
        account, has_factor = await password_sign_in.with_password(
            service,
            credentials.email,
            credentials.password.get_secret_value(),
            device=devices.known(service, request, credentials.email),
        )
    except ValidationError:
        error: ProblemError = ProblemError(Code.INVALID_CREDENTIALS)
        return form(service, request, target, email=email, fresh=fresh, error=error)
    except ProblemError as refused:
        return form(service, request, target, email=email, fresh=fresh, error=refused)
    question = await second_factor.question(service, account) if has_factor else None
    if question is not None:
        return question_after(service, request, target, question)
    return await signed_in(service, request, target, account, ["pwd"])


@ROUTER.post("/sign-in/passkey")
async def with_passkey(request: Request, service: Running, fields: Form) -> Response:
    target = destinations.safe(service, fields.get("next", ""))
    try:
        account, amr = await passkeys.with_passkey(
            service, fields.get("challenge", ""), _assertion(fields)
        )
    except ProblemError as refused:
        error = _PASSKEY_REFUSED.get(refused.code, refused)
        return form(service, request, target, email="", error=error)
    return await signed_in(service, request, target, account, amr)


@ROUTER.post("/sign-in/second-factor")
async def with_second_factor(request: Request, service: Running, fields: Form) -> Response:
    target = destinations.safe(service, fields.get("next", ""))
    challenge, kinds = fields.get("challenge", ""), tuple(fields.get("kinds", "").split())
    try:
        if "credential" in fields:
            passed = await second_factor.passed_with_key(service, challenge, _assertion(fields))
        else:
            passed = await second_factor.passed(service, challenge, fields.get("code", "").strip())
    except ProblemError as refused:
        if refused.code is Code.INVALID_CHALLENGE:
            return form(service, request, target, email="", error=_LATE)
        question = Question(challenge=challenge, kinds=kinds)
        webauthn = fields.get("webauthn", "")
        return _question(service, request, target, question, webauthn=webauthn, error=refused)
    return await signed_in(service, request, target, passed.account, passed.amr)


async def signed_in(
    service: Service,
    request: Request,
    target: str,
    account: Account,
    amr: Sequence[str],
    *,
    authenticated_at: float | None = None,
) -> Response:
    """Begin a session of the browser, and lead to its target."""
    answer = RedirectResponse(target, 303)
    await browsers.begin(service, request, answer, account, amr, authenticated_at=authenticated_at)
    return answer


def question_after(service: Service, request: Request, target: str, question: Question) -> Response:
    """Ask for the second factor, once the first step is done."""
    asked = "" if question.webauthn is None else json.dumps(question.webauthn)
    return _question(service, request, target, question, webauthn=asked)


def is_fresh(target: str, fresh: str) -> bool:
    """Return whether the target takes a new sign-in at an upstream, and not an earlier one there.

    `fresh` is set where a signed-in user has to sign in again.
    """
    return bool(fresh or destinations.parameter(target, "max_age"))


def _assertion(fields: dict[str, str]) -> dict[str, Any]:
    try:
        return PasskeyAssertion.model_validate_json(fields.get("credential", "")).model_dump()
    except ValidationError:
        raise ProblemError(Code.INVALID_FACTOR) from None


def form(
    service: Service,
    request: Request,
    target: str,
    *,
    email: str,
    fresh: str = "",
    error: ProblemError | None = None,
) -> Response:
    """Return the sign-in page."""
    return page(
        request,
        "sign_in",
        error=error,
        leads_to=leads_to(service, target),
        next=target,
        again=_again(target),
        email=email,
        client=destinations.application(service, target),
        unconfirmed=error is not None and error.code is Code.EMAIL_NOT_VERIFIED,
        takes_passkeys=passkeys.possible(service.settings.issuer),
        fresh=fresh,
        upstreams=service.upstreams.every(),
    )


def _again(target: str) -> Message | None:
    """Return the reason for another sign-in, None for a sign-in without a special reason."""
    if target == destinations.SECOND_FACTOR:
        return Message("to change your second factor")
    if target.startswith(destinations.DEVICE_PAGE):
        return Message("to connect a device")
    if target.startswith(destinations.IDENTITIES):
        return Message("to add a way to sign in")
    if destinations.page_of(target) == target != destinations.HOME:
        return Message("to go on with your account")
    return None


def _question(
    service: Service,
    request: Request,
    target: str,
    question: Question,
    *,
    webauthn: str,
    error: ProblemError | None = None,
) -> Response:
    return page(
        request,
        "second_factor",
        error=error,
        leads_to=leads_to(service, target),
        next=target,
        question=question,
        webauthn=webauthn,
        takes_passkeys=bool(webauthn),
        client=destinations.application(service, target),
    )


def leads_to(service: Service, target: str) -> list[str]:
    """Return the address behind our own redirect: the client's, or the proxied application's."""
    if target.startswith(destinations.AUTHORIZE):
        client = service.settings.clients.find(destinations.parameter(target, "client_id"))
        redirect_uri = destinations.parameter(target, "redirect_uri")
        # anybody can link to this page: an unregistered URI leads nowhere
        return [redirect_uri] if client and client.redirects_to(redirect_uri) else []
    return [] if target.startswith("/") else [target]
