"""The second factors of the user of this browser: adding and removing them.

A user comes here only after a login within the last minutes, with the second factor if the account
has any; otherwise the sign-in page comes first.
"""

from collections.abc import Awaitable, Callable
from functools import wraps

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, Json, ValidationError

from auth.crypto import secret_tokens
from auth.errors import Code, ProblemError
from auth.http.access import Running
from auth.http.destinations import SECOND_FACTOR
from auth.http.fields import Name
from auth.http.webauthn import PasskeyRegistration
from auth.languages.messages import Message
from auth.pages import visitors
from auth.pages.forms import Form
from auth.pages.rendering import page
from auth.pages.visitors import Recent, SignInFirstError, Visitor
from auth.service import Service
from auth.sign_in import enrolment, one_time_codes, passkeys, second_factor
from auth.sign_in.enrolment import Invitation
from auth.storage import factors
from auth.storage import passkeys as stored_passkeys

ROUTER = APIRouter(include_in_schema=False, prefix=SECOND_FACTOR)
_APP = f"{SECOND_FACTOR}/app"


Route = Callable[..., Awaitable[Response]]


def _or_shown(route: Route) -> Route:
    """Show the page again, with the reason, where a form is refused."""

    @wraps(route)
    async def tried(
        request: Request, service: Service, visitor: Visitor, **form: dict[str, str]
    ) -> Response:
        try:
            return await route(request, service, visitor, **form)
        except ProblemError as refused:
            if refused.code is Code.REAUTHENTICATION_REQUIRED:
                raise SignInFirstError from None
            return await _shown(request, service, visitor, error=refused)

    return tried


@ROUTER.get("")
async def show(request: Request, service: Running, visitor: Recent) -> Response:
    return await _shown(request, service, visitor)


@ROUTER.post("/app")
@_or_shown
async def begin_app(request: Request, service: Running, visitor: Recent, _: Form) -> Response:
    """Make a secret for an authenticator app, which the next page shows."""
    del request
    begun = await enrolment.begin_totp(service, visitor)
    return RedirectResponse(f"{_APP}?begun={secret_tokens.hashed(begun.secret)}", 303)


@ROUTER.get("/app")
async def show_app(
    request: Request, service: Running, visitor: Recent, begun: str = ""
) -> Response:
    invitation = await _begun(service, visitor, begun)
    return _app(request, invitation) if invitation else RedirectResponse(SECOND_FACTOR, 303)


@ROUTER.post("/app/confirm")
@_or_shown
async def confirm_app(
    request: Request, service: Running, visitor: Recent, fields: Form
) -> Response:
    begun = await _begun(service, visitor, fields.get("begun", ""))
    if begun is None:
        raise ProblemError(
            Code.CONFLICT, detail=Message("That app can't be added any more. Begin again.")
        )
    try:
        codes = await enrolment.confirm_totp(service, visitor, fields.get("code", ""))
    except ProblemError as refused:
        if refused.code is Code.REAUTHENTICATION_REQUIRED:
            raise
        return _app(request, begun, error=refused)
    return _added(service, request, visitor, codes)


@ROUTER.post("/app/remove")
@_or_shown
async def remove_app(request: Request, service: Running, visitor: Recent, fields: Form) -> Response:
    """Remove the app for a user who enters a code of it, or a recovery code."""
    del request
    has = await service.database.read(factors.of, visitor.account.id)
    if has.totp:
        await second_factor.confirmed(service, visitor.account, fields.get("code", "").strip())
        await enrolment.remove_totp(service, visitor)
    return RedirectResponse(SECOND_FACTOR, 303)


@ROUTER.post("/passkeys/options")
async def begin_passkey(service: Running, visitor: Recent, _: Form) -> Response:
    """Return the options of `navigator.credentials.create` for the page's script."""
    challenge, options = await enrolment.begin_passkey(service, visitor.account)
    return JSONResponse({"challenge": challenge, "webauthn": options})


class _NewPasskey(BaseModel):
    name: Name
    credential: Json[PasskeyRegistration]


@ROUTER.post("/passkeys")
@_or_shown
async def add_passkey(
    request: Request, service: Running, visitor: Recent, fields: Form
) -> Response:
    try:
        read = _NewPasskey.model_validate(
            {"name": fields.get("name", ""), "credential": fields.get("credential", "")}
        )
    except ValidationError:
        raise ProblemError(Code.INVALID_REQUEST) from None
    challenge, credential = fields.get("challenge", ""), read.credential.model_dump()
    _, codes = await enrolment.add_passkey(service, visitor, challenge, credential, name=read.name)
    return _added(service, request, visitor, codes)


@ROUTER.post("/passkeys/remove")
@_or_shown
async def remove_passkey(
    request: Request, service: Running, visitor: Recent, fields: Form
) -> Response:
    del request
    await enrolment.remove_passkey(service, visitor, fields.get("id", ""))
    return RedirectResponse(SECOND_FACTOR, 303)


@ROUTER.post("/recovery-codes")
@_or_shown
async def renew_codes(request: Request, service: Running, visitor: Recent, _: Form) -> Response:
    return page(request, "recovery_codes", codes=await enrolment.new_codes(service, visitor))


@ROUTER.get("/{step:path}")
async def show_again(step: str) -> Response:
    """Begin again: the answer to a form can't be opened or reloaded."""
    del step
    return RedirectResponse(SECOND_FACTOR, 303)


def _added(
    service: Service, request: Request, visitor: Visitor, codes: list[str] | None
) -> Response:
    """Show the recovery codes that came with a first factor: they are never shown again."""
    if codes is None:
        return RedirectResponse(SECOND_FACTOR, 303)
    answer = page(request, "recovery_codes", codes=codes)
    visitors.renew(service, request, answer, visitor)
    return answer


async def _begun(service: Service, visitor: Visitor, hashed: str) -> Invitation | None:
    """Return the app that was begun, by the hash of its secret.

    It is the app on the user's screen: another enrolment may have begun since.
    """
    begun = await enrolment.begun_totp(service, visitor.account)
    return begun if begun and secret_tokens.hashed(begun.secret) == hashed else None


async def _shown(
    request: Request, service: Service, visitor: Visitor, *, error: ProblemError | None = None
) -> Response:
    return page(
        request,
        "factors",
        error=error,
        takes_passkeys=passkeys.possible(service.settings.issuer),
        has=await service.database.read(factors.of, visitor.account.id),
        passkeys=await service.database.read(stored_passkeys.every, visitor.account.id),
        confirmed=visitor.account.email_verified_at is not None,
    )


def _app(request: Request, begun: Invitation, *, error: ProblemError | None = None) -> Response:
    return page(
        request,
        "factor_app",
        error=error,
        secret=begun.secret,
        begun=secret_tokens.hashed(begun.secret),
        qr=one_time_codes.qr_svg(begun.uri),
    )
