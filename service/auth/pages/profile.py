"""The name and the e-mail address of an account."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ValidationError

from auth.accounts import profile
from auth.errors import ProblemError
from auth.http.access import Running
from auth.http.destinations import PROFILE
from auth.http.fields import Name, NewEmail
from auth.languages.messages import Message
from auth.pages.forms import Form, wrong
from auth.pages.rendering import page
from auth.pages.visitors import Recent, SignedIn
from auth.storage.accounts import Account

ROUTER = APIRouter(include_in_schema=False, prefix=PROFILE)


class _Name(BaseModel):
    name: Name


class _Address(BaseModel):
    email: NewEmail


@ROUTER.get("")
async def show(request: Request, visitor: SignedIn) -> Response:
    return _shown(request, visitor.account)


@ROUTER.post("/name")
async def rename(request: Request, service: Running, visitor: SignedIn, fields: Form) -> Response:
    try:
        name = _Name.model_validate({"name": fields.get("name", "")}).name
    except ValidationError as error:
        return _shown(request, visitor.account, error=wrong(error))
    account = await profile.rename(service, visitor.account, name or None)
    return _shown(
        request,
        account,
        done=Message("Your name is changed.") if name else Message("Your name is gone."),
    )


@ROUTER.post("/email")
async def change_email(
    request: Request, service: Running, visitor: Recent, fields: Form
) -> Response:
    """Mail a link to the new address, which counts once the link is opened."""
    account, typed = visitor.account, fields.get("email", "")
    try:
        email = _Address.model_validate({"email": typed}).email
        if email != account.email:
            await profile.change_email(service, account, email)
    except ValidationError as error:
        return _shown(request, account, typed=typed, error=wrong(error))
    except ProblemError as refused:
        return _shown(request, account, typed=typed, error=refused)
    if email == account.email:
        return _shown(request, account, done=Message("This is your address already."))
    return _shown(
        request,
        account,
        done=Message("A mail to %(email)s has a link: open it to confirm.", email=email),
    )


@ROUTER.get("/{form}")
async def show_again(form: str) -> Response:
    """Begin again: the answer to a form can't be opened or reloaded."""
    del form
    return RedirectResponse(PROFILE, 303)


def _shown(
    request: Request,
    account: Account,
    *,
    typed: str = "",
    done: Message | None = None,
    error: ProblemError | None = None,
) -> Response:
    return page(
        request,
        "profile",
        error=error,
        done=done,
        name=account.name or "",
        email=account.email,
        typed=typed,
        confirmed=account.email_verified_at is not None,
    )
