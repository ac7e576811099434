"""What forms of the pages carry; one that can't be read, or is not ours, is refused."""

from typing import Annotated

from fastapi import Depends, Request

from auth.oauth import forms
from auth.oauth.errors import OAuthError
from auth.pages import csrf


class ForgedFormError(Exception):
    """The form does not come from a page of ours, or from one that is too old."""


async def genuine(request: Request) -> dict[str, str]:
    try:
        given = await forms.form(request)
    except OAuthError:
        raise ForgedFormError from None
    if not csrf.genuine(request, given):
        raise ForgedFormError
    return given


Form = Annotated[dict[str, str], Depends(genuine)]
