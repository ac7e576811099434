"""The pages that mailed links open: prove an address, set a new password."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ValidationError

from auth import links
from auth.api.access import Running
from auth.api.email import verify_with_token
from auth.api.models import Email, NewPassword
from auth.api.password import set_with_token
from auth.guard.limits import Action
from auth.observe.audit import Event
from auth.pages.forms import Form, wrong
from auth.pages.rendering import page, refusing, said
from auth.problems import ProblemError

ROUTER = APIRouter(include_in_schema=False)


class _Password(BaseModel):
    password: NewPassword


class _Address(BaseModel):
    email: Email


@ROUTER.get("/verify-email")
async def show_verification(request: Request) -> Response:
    """Ask before proving: mail scanners open links, and must not use them up."""
    return page(request, "verify_email", token=request.query_params.get("token", ""), error="")


@ROUTER.post("/verify-email")
async def verify(request: Request, service: Running, given: Form) -> Response:
    token = given.get("token", "")
    try:
        account = await verify_with_token(service, token)
    except ProblemError as refused:
        return _again(request, "verify_email", refused, token=token)
    text = f"{account.email} is confirmed. You can close this page, or sign in."
    return page(request, "done", title="Thank you", text=text, sign_in="/sign-in")


@ROUTER.get("/reset-password")
async def show_reset(request: Request) -> Response:
    return page(request, "reset_password", token=request.query_params.get("token", ""), error="")


@ROUTER.post("/reset-password")
async def reset(request: Request, service: Running, given: Form) -> Response:
    token = given.get("token", "")
    try:
        password = _Password.model_validate({"password": given.get("password", "")}).password
        await set_with_token(service, token, password.get_secret_value())
    except ValidationError as error:
        return _again(request, "reset_password", wrong(error), token=token)
    except ProblemError as refused:
        return _again(request, "reset_password", refused, token=token)
    text = "Your new password counts from now on, and all devices were signed out."
    return page(request, "done", title="Password changed", text=text, sign_in="/sign-in")


@ROUTER.get("/forgot-password")
async def show_forgotten(request: Request) -> Response:
    return page(request, "forgot_password", email="", error="")


@ROUTER.post("/forgot-password")
async def forgotten(request: Request, service: Running, given: Form) -> Response:
    """Mail a link; the page is the same whether there is an account."""
    email = given.get("email", "")
    try:
        address = _Address.model_validate({"email": email}).email
        await service.limits.take(Action.MAIL, address)
    except ValidationError as error:
        return _again(request, "forgot_password", wrong(error), email=email)
    except ProblemError as refused:
        return _again(request, "forgot_password", refused, email=email)
    links.reset_soon(service, address)
    await service.audit.record(Event.PASSWORD_RESET_REQUESTED)
    text = "If there is an account with this address, a mail with a link is on its way to it."
    return page(request, "done", title="Look into your mail", text=text, sign_in="/sign-in")


def _again(request: Request, name: str, refused: ProblemError, **shown: Any) -> Response:
    """Show a form again with what was wrong with it."""
    return refusing(page(request, name, error=said(refused), **shown), refused)
