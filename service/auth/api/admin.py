"""The administration of accounts."""

from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel, Field

from auth.accounts import admin as administration
from auth.api.models import Me, moment
from auth.errors import Code
from auth.http.access import Administrator, Running, signed_in_lately
from auth.http.fields import Identity
from auth.http.openapi import problems, router
from auth.storage.accounts import Account

ROUTER = router(
    prefix="/v1/admin/users",
    tags=["administration"],
    responses=problems(Code.INVALID_TOKEN, Code.FORBIDDEN),
)
_LARGEST_PAGE = 200


class User(Me):
    disabled_at: str | None

    @classmethod
    def of(cls, account: Account) -> "User":
        shown = Me.of(account).model_dump()
        disabled_at = None if account.disabled_at is None else moment(account.disabled_at)
        return cls(**shown, disabled_at=disabled_at)


class UserPage(BaseModel):
    users: list[User]
    next: str | None = Field(description="To be sent as `after` for the next page.")


@ROUTER.get("")
async def list_users(
    service: Running,
    _: Administrator,
    limit: Annotated[int, Query(ge=1, le=_LARGEST_PAGE)] = 50,
    after: Annotated[Identity | None, Query(description="`next` of the previous page.")] = None,
    email: Annotated[
        str | None,
        Query(max_length=254, pattern=r"^[^\s\x00]*$", description="A part of the address."),
    ] = None,
) -> UserPage:
    """List the accounts, newest first."""
    found, following = await administration.users(service, limit=limit, after=after, email=email)
    return UserPage(users=[User.of(account) for account in found], next=following)


@ROUTER.get("/{user_id}", responses=problems(Code.NOT_FOUND))
async def read_user(user_id: Identity, service: Running, _: Administrator) -> User:
    """Read an account."""
    return User.of(await administration.find(service, user_id))


@ROUTER.post(
    "/{user_id}/disable",
    responses=problems(Code.NOT_FOUND, Code.CONFLICT, Code.REAUTHENTICATION_REQUIRED),
)
async def disable(user_id: Identity, service: Running, admin: Administrator) -> User:
    """Disable an account: its sessions end now, and it can't sign in until it is enabled again.

    Needs a recent login, with the second factor if there is any.
    """
    await signed_in_lately(service, admin)
    account = await administration.disable(service, user_id, actor_id=admin.account.id)
    return User.of(account)


@ROUTER.post(
    "/{user_id}/enable", responses=problems(Code.NOT_FOUND, Code.REAUTHENTICATION_REQUIRED)
)
async def enable(user_id: Identity, service: Running, admin: Administrator) -> User:
    """Let a disabled account sign in again. Needs a recent login."""
    await signed_in_lately(service, admin)
    account = await administration.enable(service, user_id, actor_id=admin.account.id)
    return User.of(account)


@ROUTER.delete(
    "/{user_id}/second-factor",
    status_code=204,
    responses=problems(Code.NOT_FOUND, Code.CONFLICT, Code.REAUTHENTICATION_REQUIRED),
)
async def reset_second_factor(
    user_id: Identity, service: Running, admin: Administrator
) -> Response:
    """Remove every second factor of a user, and sign the user out everywhere; the user gets a mail.

    For users without their factor and their recovery codes. Needs a recent login.
    """
    await signed_in_lately(service, admin)
    await administration.reset_second_factor(service, user_id, actor_id=admin.account.id)
    return Response(status_code=204)
