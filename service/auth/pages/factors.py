"""The second factor of who is signed in with this browser: adding and taking away.

Whoever comes here has signed in within the last minutes, with the second factor if there is one;
others are sent to do that first.
"""

from collections.abc import Awaitable
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, Json, ValidationError

from auth import enrolment, one_time_codes, passkeys, second_factor
from auth.api.access import Running
from auth.api.models import Name
from auth.api.passkey_models import Registration
from auth.pages import browsers
from auth.pages.destinations import SECOND_FACTOR
from auth.pages.forms import Form
from auth.pages.rendering import page, refusing, said
from auth.problems import Code, ProblemError
from auth.service import Service
from auth.storage import factors
from auth.storage import passkeys as kept
from auth.storage.accounts import Account
from auth.storage.browser_sessions import BrowserSession

ROUTER = APIRouter(include_in_schema=False, prefix=SECOND_FACTOR)
_APP = f"{SECOND_FACTOR}/app"


class SignInFirstError(Exception):
    """Nobody has signed in here lately."""


async def _signed_in_lately(request: Request, service: Running) -> tuple[BrowserSession, Account]:
    found = await browsers.current(service, request)
    if found is None or not await second_factor.shown_lately(service, found[0]):
        raise SignInFirstError
    return found


Recent = Annotated[tuple[BrowserSession, Account], Depends(_signed_in_lately)]


def install(app: FastAPI) -> None:
    @app.exception_handler(SignInFirstError)
    async def _sign_in_first(_: Request, __: SignInFirstError) -> Response:
        return RedirectResponse(f"/sign-in?next={SECOND_FACTOR}", 303)


@ROUTER.get("")
async def show(request: Request, service: Running, user: Recent) -> Response:
    return await _shown(request, service, user[1])


@ROUTER.post("/app")
async def begin_app(request: Request, service: Running, user: Recent, _: Form) -> Response:
    """Make a secret for an authenticator app, which the next page shows."""
    try:
        await enrolment.begin_totp(service, user[1])
    except ProblemError as refused:
        return await _shown(request, service, user[1], error=refused)
    return RedirectResponse(_APP, 303)


@ROUTER.get("/app")
async def show_app(request: Request, service: Running, user: Recent) -> Response:
    return await _app(request, service, user[1])


@ROUTER.post("/app/confirm")
async def confirm_app(request: Request, service: Running, user: Recent, given: Form) -> Response:
    session, account = user
    try:
        codes = await enrolment.confirm_totp(service, account, session, given.get("code", ""))
    except ProblemError as refused:
        return await _app(request, service, account, error=refused)
    return _changed(request, codes)


@ROUTER.post("/app/remove")
async def remove_app(request: Request, service: Running, user: Recent, given: Form) -> Response:
    """Take the app away from who shows a code of it, or a recovery code."""
    return await _after(_remove_app(service, user[1], given), request, service, user[1])


@ROUTER.post("/passkeys/options")
async def begin_passkey(service: Running, user: Recent, _: Form) -> Response:
    """Give the page's script what `navigator.credentials.create` takes."""
    challenge, options = await enrolment.begin_passkey(service, user[1])
    return JSONResponse({"challenge": challenge, "webauthn": options})


@ROUTER.post("/passkeys")
async def add_passkey(request: Request, service: Running, user: Recent, given: Form) -> Response:
    return await _after(_add_passkey(service, *user, given), request, service, user[1])


@ROUTER.post("/passkeys/remove")
async def remove_passkey(request: Request, service: Running, user: Recent, given: Form) -> Response:
    work = enrolment.remove_passkey(service, user[1], given.get("id", ""))
    return await _after(work, request, service, user[1])


@ROUTER.post("/recovery-codes")
async def renew_codes(request: Request, service: Running, user: Recent, _: Form) -> Response:
    return await _after(enrolment.new_codes(service, user[1]), request, service, user[1])


class _NewPasskey(BaseModel):
    name: Name
    credential: Json[Registration]


async def _add_passkey(
    service: Service, session: BrowserSession, account: Account, given: dict[str, str]
) -> list[str] | None:
    try:
        read = _NewPasskey.model_validate(
            {"name": given.get("name", ""), "credential": given.get("credential", "")}
        )
    except ValidationError:
        raise ProblemError(Code.INVALID_REQUEST) from None
    challenge, credential = given.get("challenge", ""), read.credential.model_dump()
    _, codes = await enrolment.add_passkey(
        service, session, challenge, credential, account=account, name=read.name
    )
    return codes


async def _remove_app(service: Service, account: Account, given: dict[str, str]) -> None:
    await second_factor.confirmed(service, account, given.get("code", "").strip())
    await enrolment.remove_totp(service, account)


async def _after(
    work: Awaitable[list[str] | None], request: Request, service: Service, account: Account
) -> Response:
    """Do what a form asks for, and show what came of it."""
    try:
        return _changed(request, await work)
    except ProblemError as refused:
        return await _shown(request, service, account, error=refused)


def _changed(request: Request, codes: list[str] | None) -> Response:
    """Show recovery codes, which are never shown again; without any, what there is now."""
    if codes is None:
        return RedirectResponse(SECOND_FACTOR, 303)
    return page(request, "recovery_codes", codes=codes)


async def _shown(
    request: Request, service: Service, account: Account, *, error: ProblemError | None = None
) -> Response:
    has = await service.database.read(factors.of, account.id)
    known = await service.database.read(kept.every, account.id)
    shown = page(
        request,
        "factors",
        takes_passkeys=passkeys.possible(service.settings.issuer),
        has=has,
        passkeys=known,
        error=said(error),
    )
    return refusing(shown, error)


async def _app(
    request: Request, service: Service, account: Account, *, error: ProblemError | None = None
) -> Response:
    try:
        begun = await enrolment.begun_totp(service, account)
    except ProblemError:
        # it was confirmed meanwhile, or never begun
        return RedirectResponse(SECOND_FACTOR, 303)
    qr = one_time_codes.qr_svg(begun.uri)
    shown = page(request, "factor_app", secret=begun.secret, qr=qr, error=said(error))
    return refusing(shown, error)
