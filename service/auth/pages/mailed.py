"""The pages that mailed links open: prove an address, set a new password."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ValidationError

from auth.accounts import passwords
from auth.accounts import verify as verification
from auth.accounts.verify import Proof
from auth.errors import Code, ProblemError
from auth.http import browsers, destinations, registrations
from auth.http.access import Running
from auth.http.fields import Email, NewPassword
from auth.languages.messages import Message
from auth.pages.forms import Form, wrong
from auth.pages.rendering import page
from auth.protection.limits import Action
from auth.service import Service

ROUTER = APIRouter(include_in_schema=False)
_NEW, _PRESENT = "new", "present"
_USED = ProblemError(
    Code.INVALID_CODE, detail=Message("This link was used already, or is too old.")
)


class _Password(BaseModel):
    password: NewPassword


class _Address(BaseModel):
    email: Email


@ROUTER.get("/verify-email")
async def show_verification(request: Request, service: Running) -> Response:
    """Ask for a click before the proof: mail scanners open links, and must not use them up."""
    token = _token(request)
    try:
        proof = await verification.find(service, token)
    except ProblemError:
        # the answer to the form gives the reason
        asks = ""
    else:
        asks = _asks(proof, is_registrant=await _is_registrant(service, request, proof))
    return page(request, "verify_email", token=token, used=False, asks=asks)


@ROUTER.get("/verify-email/again")
async def show_again(request: Request, service: Running) -> Response:
    return _ask(request, service, "verify_again")


@ROUTER.post("/verify-email/again")
async def verify_again(request: Request, service: Running, fields: Form) -> Response:
    """Mail the link again; the page is the same whether there is an account to confirm."""
    return await _mail(request, service, fields, "verify_again", verification.mail_again)


@ROUTER.post("/verify-email")
async def verify(request: Request, service: Running, fields: Form) -> Response:
    token, asks = fields.get("token", ""), ""
    try:
        await service.limits.take(Action.GUESS)
        proof = await verification.find(service, token)
        is_registrant = await _is_registrant(service, request, proof)
        asks = _asks(proof, is_registrant=is_registrant)
        account = await verification.verify(
            service,
            token,
            proof,
            is_registrant=is_registrant,
            password=_chosen(fields) if asks == _NEW else fields.get("password", ""),
        )
    except ValidationError as error:
        return _again(request, "verify_email", wrong(error), token=token, asks=asks)
    except ProblemError as problem:
        return _again(request, "verify_email", problem, token=token, asks=asks)
    text = Message(
        "%(email)s is confirmed. You can close this page, or sign in.", email=account.email
    )
    return page(request, "done", title=Message("Thank you"), text=text, sign_in="/sign-in")


@ROUTER.get("/reset-password")
async def show_reset(request: Request) -> Response:
    return page(request, "reset_password", token=_token(request), used=False)


@ROUTER.post("/reset-password")
async def reset(request: Request, service: Running, fields: Form) -> Response:
    token = fields.get("token", "")
    try:
        await passwords.reset(service, token, _chosen(fields))
    except ValidationError as error:
        return _again(request, "reset_password", wrong(error), token=token)
    except ProblemError as refused:
        return _again(request, "reset_password", refused, token=token)
    text = Message("Your new password counts from now on, and all devices were signed out.")
    return page(request, "done", title=Message("Password changed"), text=text, sign_in="/sign-in")


@ROUTER.get("/forgot-password")
async def show_forgotten(request: Request, service: Running) -> Response:
    return _ask(request, service, "forgot_password")


@ROUTER.post("/forgot-password")
async def forgotten(request: Request, service: Running, fields: Form) -> Response:
    """Mail a link; the page is the same whether there is an account."""
    return await _mail(request, service, fields, "forgot_password", passwords.mail_reset)


def _asks(proof: Proof, *, is_registrant: bool) -> str:
    """Return the password that the page asks for: a new or the present one, "" without one."""
    if not proof.asks_password(is_registrant=is_registrant):
        return ""
    return _PRESENT if proof.is_change else _NEW


async def _is_registrant(service: Service, request: Request, proof: Proof) -> bool:
    """Return whether this browser registered the account, or is signed in to it."""
    signed_in = await browsers.current(service, request)
    if signed_in is not None and signed_in[1].id == proof.account.id:
        return True
    return proof.is_registration and registrations.is_here(service, request, proof.account.id)


def _chosen(fields: dict[str, str]) -> str:
    """Return the new password of a form; raise ValidationError for a password of wrong length."""
    values = {"password": fields.get("password", "")}
    return _Password.model_validate(values).password.get_secret_value()


def _token(request: Request) -> str:
    return request.query_params.get("token", "")


def _ask(request: Request, service: Service, name: str) -> Response:
    """Ask for the address of a mail; its user returns to the original destination afterwards."""
    target = destinations.safe(service, request.query_params.get("next", ""))
    email = destinations.parameter(target, "login_hint")
    return page(request, name, next=target, email=email)


async def _mail(
    request: Request,
    service: Service,
    fields: dict[str, str],
    name: str,
    send: Callable[[Service, str], Awaitable[None]],
) -> Response:
    email = fields.get("email", "")
    target = destinations.safe(service, fields.get("next", ""))
    try:
        address = _Address.model_validate({"email": email}).email
        await send(service, address)
    except ValidationError as error:
        return _again(request, name, wrong(error), email=email, next=target)
    except ProblemError as refused:
        return _again(request, name, refused, email=email, next=target)
    text = Message(
        "If there is an account with this address, a mail with a link is on its way to it."
    )
    return page(
        request,
        "done",
        title=Message("Check your mail"),
        text=text,
        sign_in=destinations.sign_in(target),
    )


def _again(request: Request, name: str, refused: ProblemError, **shown: Any) -> Response:
    """Show a form again with its problem."""
    used = refused.code is Code.INVALID_CODE
    return page(request, name, error=_USED if used else refused, used=used, **shown)
