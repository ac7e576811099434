"""The change of the password by a user with the present password."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ValidationError

from auth.accounts import passwords
from auth.crypto.passwords import NO_PASSWORD
from auth.errors import Code, ProblemError
from auth.http.access import Running
from auth.http.destinations import PASSWORD
from auth.http.fields import NewPassword, Password
from auth.languages.messages import Message
from auth.pages import visitors
from auth.pages.forms import Form, wrong
from auth.pages.rendering import page
from auth.pages.visitors import SteppedUp

ROUTER = APIRouter(include_in_schema=False, prefix=PASSWORD)
_WRONG = ProblemError(Code.INVALID_CREDENTIALS, detail=Message("The present password is wrong."))


class _Present(BaseModel):
    present: Password


class _New(BaseModel):
    password: NewPassword


@ROUTER.get("")
async def show(request: Request, visitor: SteppedUp, stranger: str = "") -> Response:
    """Show the form; `stranger` if the user has just signed out a device of somebody else."""
    has_password = visitor.account.password != NO_PASSWORD
    return page(
        request,
        "password",
        email=visitor.account.email,
        stranger=bool(stranger),
        has_password=has_password,
    )


@ROUTER.post("")
async def change(request: Request, service: Running, visitor: SteppedUp, fields: Form) -> Response:
    try:
        present = _Present.model_validate({"present": fields.get("present", "")}).present
    except ValidationError:
        return _again(request, visitor.account.email, _WRONG)
    try:
        new = _New.model_validate({"password": fields.get("password", "")}).password
        await passwords.change(
            service,
            visitor.account,
            visitor.here,
            current=present.get_secret_value(),
            new=new.get_secret_value(),
            renewed=visitor.renewed,
        )
    except ValidationError as error:
        return _again(request, visitor.account.email, wrong(error))
    except ProblemError as refused:
        is_wrong = refused.code is Code.INVALID_CREDENTIALS
        return _again(request, visitor.account.email, _WRONG if is_wrong else refused)
    text = Message("Your new password counts from now on, and all other devices were signed out.")
    answer = page(request, "changed", title=Message("Password changed"), text=text)
    visitors.renew(service, request, answer, visitor)
    return answer


def _again(request: Request, email: str, error: ProblemError) -> Response:
    return page(request, "password", email=email, stranger=False, has_password=True, error=error)
