"""The pages of administrators: users, the audit log, and the registered clients."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from auth.accounts import admin
from auth.errors import Code, ProblemError
from auth.http.access import Running
from auth.http.fields import EventId, Identity
from auth.pages.forms import Form
from auth.pages.rendering import page
from auth.pages.visitors import Administrator, RecentAdministrator, Visitor
from auth.service import Service
from auth.sign_in import devices
from auth.storage import factors, identities
from auth.telemetry.audit import Event

ROUTER = APIRouter(include_in_schema=False, prefix="/admin")
_PAGE = 50
_CHANGES: dict[str, Callable[..., Awaitable[object]]] = {
    "disable": admin.disable,
    "enable": admin.enable,
    "sign-out": admin.sign_out,
    "second-factor": admin.reset_second_factor,
}
_Text = Annotated[str, Query(max_length=254, pattern=r"^[^\x00]*$")]


@ROUTER.get("")
async def show() -> Response:
    return RedirectResponse("/admin/users", 303)


@ROUTER.get("/users")
async def show_users(
    request: Request,
    service: Running,
    _: Administrator,
    email: _Text = "",
    after: Identity | None = None,
) -> Response:
    """List accounts whose addresses have this part, newest first."""
    found, following = await admin.users(service, limit=_PAGE, after=after, email=email.strip())
    return page(request, "users", users=found, email=email, following=following)


@ROUTER.get("/users/{user_id}")
async def show_user(
    request: Request, service: Running, visitor: Administrator, user_id: Identity
) -> Response:
    return await _shown(request, service, visitor, user_id)


@ROUTER.post("/users/{user_id}/{change}")
async def change_user(
    request: Request,
    service: Running,
    visitor: RecentAdministrator,
    user_id: Identity,
    change: str,
    _: Form,
) -> Response:
    if change not in _CHANGES:
        raise ProblemError(Code.NOT_FOUND)
    try:
        await _CHANGES[change](service, user_id, actor_id=visitor.account.id)
    except ProblemError as refused:
        if refused.code is not Code.CONFLICT:
            raise
        return await _shown(request, service, visitor, user_id, error=refused)
    return RedirectResponse(f"/admin/users/{user_id}", 303)


@ROUTER.get("/users/{user_id}/{change}")
async def show_user_again(user_id: Identity, change: str) -> Response:
    """Begin again: the answer to a form can't be opened or reloaded."""
    del change
    return RedirectResponse(f"/admin/users/{user_id}", 303)


@ROUTER.get("/audit")
async def show_audit(
    request: Request,
    service: Running,
    visitor: Administrator,
    *,
    event: _Text = "",
    account_id: _Text = "",
    before: EventId | None = None,
) -> Response:
    """List audit events, newest first. An unknown account has no events."""
    events, following = await admin.audit_events(
        service,
        actor_id=visitor.account.id,
        limit=_PAGE,
        before=before,
        event=Event(event) if event in list(Event) else None,
        account_id=account_id.strip() or None,
    )
    return page(
        request,
        "audit",
        events=events,
        every=sorted(Event),
        event=event,
        account_id=account_id,
        following=following,
    )


@ROUTER.get("/clients")
async def show_clients(request: Request, service: Running, _: Administrator) -> Response:
    return page(request, "clients", clients=service.settings.clients.every())


async def _shown(
    request: Request,
    service: Service,
    visitor: Visitor,
    user_id: str,
    *,
    error: ProblemError | None = None,
) -> Response:
    user = await admin.find(service, user_id)
    return page(
        request,
        "user",
        error=error,
        user=user,
        is_own=user.id == visitor.account.id,
        has=await service.database.read(factors.of, user.id),
        devices=await devices.signed_in(service, user.id),
        identities=await service.database.read(identities.of, user.id),
    )
