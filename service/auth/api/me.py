"""The account of the caller."""

from fastapi import Request, Response
from pydantic import Field

from auth.accounts import profile
from auth.api.models import Me, written
from auth.errors import Code
from auth.http.access import (
    NEEDS_USER,
    RecentUser,
    Running,
    User,
    signed_in_lately,
    user_of,
)
from auth.http.fields import Name, NewEmail, Taken
from auth.http.openapi import problems, router

ROUTER = router(prefix="/v1/me", tags=["accounts"])


class AccountChanges(Taken):
    name: Name | None = Field(None, description="null removes it.")
    email: NewEmail | None = Field(
        None, description="Takes effect once the link that is mailed there is opened."
    )


@ROUTER.get("", response_model=Me, responses=problems(Code.INVALID_TOKEN), openapi_extra=NEEDS_USER)
async def read(request: Request) -> Response:
    """Read the account of the access token."""
    user = await user_of(request)
    return written(Me.of(user.account))


@ROUTER.patch("", responses=problems(Code.INVALID_TOKEN, Code.REAUTHENTICATION_REQUIRED))
async def change(body: AccountChanges, service: Running, user: User) -> Me:
    """Change the name or the e-mail address.

    A new address needs a recent login, and a mail to prove it.
    """
    account = user.account
    if body.email is not None and body.email != account.email:
        await signed_in_lately(service, user)
        await profile.change_email(service, account, body.email)
    if "name" in body.model_fields_set:
        account = await profile.rename(service, account, body.name or None)
    return Me.of(account)


@ROUTER.delete(
    "",
    status_code=204,
    responses=problems(Code.INVALID_TOKEN, Code.REAUTHENTICATION_REQUIRED),
)
async def delete(service: Running, user: RecentUser) -> Response:
    """Delete the account with all that belongs to it. Needs a recent login; can't be undone."""
    await profile.delete(service, user.account)
    return Response(status_code=204)
