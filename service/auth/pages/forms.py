"""What forms of the pages carry; one that can't be read, or is not ours, is refused."""

from typing import Annotated

from fastapi import Depends, Request
from pydantic import ValidationError

from auth.authorization.errors import OAuthError
from auth.errors import Code, ProblemError
from auth.http import csrf, forms

_WRONG = {
    "email": ProblemError(Code.INVALID_REQUEST, detail="That is no e-mail address."),
    "password": ProblemError(Code.PASSWORD_REFUSED, detail="A password has 8 to 128 characters."),
}


class ForgedFormError(Exception):
    """The form does not come from a page of ours, or from one that is too old."""


def wrong(error: ValidationError) -> ProblemError:
    """Say of the first field that a model refused what is wrong with it."""
    return _WRONG[str(error.errors()[0]["loc"][0])]


async def genuine(request: Request) -> dict[str, str]:
    try:
        given = await forms.form(request)
    except OAuthError:
        raise ForgedFormError from None
    if not csrf.genuine(request, given):
        raise ForgedFormError
    return given


Form = Annotated[dict[str, str], Depends(genuine)]
