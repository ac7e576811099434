"""The account of whoever asks."""

from fastapi import Response
from pydantic import Field

from auth import links
from auth.api.access import RecentUser, Running, User, signed_in_lately
from auth.api.answers import problems, router
from auth.api.models import Email, Me, Name, Taken, written
from auth.guard.limits import Action
from auth.observe.audit import Event
from auth.problems import Code, ProblemError
from auth.storage import accounts
from auth.storage.accounts import normalized

ROUTER = router(prefix="/v1/me", tags=["accounts"])


class Changes(Taken):
    name: Name | None = Field(None, description="null takes it away.")
    email: Email | None = Field(
        None, description="Counts once the link that is mailed there was opened."
    )


@ROUTER.get("", response_model=Me, responses=problems(Code.INVALID_TOKEN))
async def read(user: User) -> Response:
    """Tell whose token this is."""
    return written(Me.of(user.account))


@ROUTER.patch("", responses=problems(Code.INVALID_TOKEN, Code.REAUTHENTICATION_REQUIRED))
async def change(given: Changes, service: Running, user: User) -> Me:
    """Change the name or the e-mail address.

    A new address takes a recent login, and a mail to prove it.
    """
    account = user.account
    if given.email is not None and normalized(given.email) != account.email:
        await signed_in_lately(service, user)
        await service.limits.take(Action.MAIL, account.id)
        links.change_soon(service, account, normalized(given.email))
        await service.audit.record(
            Event.ACCOUNT_CHANGED, account_id=account.id, field="email", state="asked"
        )
    if "name" in given.model_fields_set:
        changed = await service.database.write(accounts.change, account.id, name=given.name or None)
        if changed is None:
            raise ProblemError(Code.INVALID_TOKEN)
        account = changed
        await service.audit.record(Event.ACCOUNT_CHANGED, account_id=account.id, field="name")
    return Me.of(account)


@ROUTER.delete(
    "",
    status_code=204,
    responses=problems(Code.INVALID_TOKEN, Code.REAUTHENTICATION_REQUIRED),
)
async def delete(service: Running, user: RecentUser) -> Response:
    """Delete the account with all that belongs to it. Takes a recent login; can't be undone."""
    await service.database.write(accounts.remove, user.account.id)
    await service.audit.record(Event.ACCOUNT_DELETED, account_id=user.account.id)
    return Response(status_code=204)
