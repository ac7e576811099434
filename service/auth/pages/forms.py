"""The forms of the pages; an unreadable or forged form is refused."""

from typing import Annotated

from fastapi import Depends, Request
from pydantic import ValidationError

from auth.authorization.errors import OAuthError
from auth.errors import Code, ProblemError
from auth.http import csrf, forms
from auth.languages.messages import Message

_WRONG = {
    "email": ProblemError(Code.INVALID_REQUEST, detail=Message("This is not an e-mail address.")),
    "name": ProblemError(
        Code.INVALID_REQUEST, detail=Message("A name has at most 128 characters.")
    ),
    "password": ProblemError(
        Code.PASSWORD_REFUSED, detail=Message("A password has 8 to 128 characters.")
    ),
}


class ForgedFormError(Exception):
    """The form comes from another site, or from a page that is too old."""


def wrong(error: ValidationError) -> ProblemError:
    """Return the problem of the first field that a model refused."""
    return _WRONG[str(error.errors()[0]["loc"][0])]


async def genuine(request: Request) -> dict[str, str]:
    try:
        fields = await forms.form(request)
    except OAuthError:
        raise ForgedFormError from None
    if not csrf.genuine(request, fields):
        raise ForgedFormError
    return fields


Form = Annotated[dict[str, str], Depends(genuine)]
