"""The audit log, for administrators."""

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

from auth.accounts import admin as administration
from auth.api.models import moment
from auth.errors import Code
from auth.http.access import Administrator, Running
from auth.http.fields import EventId, Identity
from auth.http.openapi import problems, router
from auth.telemetry.audit import Event

ROUTER = router(tags=["administration"])
_LARGEST_PAGE = 200


class AuditEvent(BaseModel):
    id: int
    at: str = Field(examples=["2026-01-01T12:00:00+00:00"])
    event: str = Field(examples=["login"])
    outcome: str = Field(examples=["success"])
    account_id: str | None = Field(description="The account that the event is about.")
    actor_id: str | None = Field(description="The account of the actor, if that is another.")
    session_id: str | None
    client_id: str | None
    address: str = Field(examples=["192.0.2.7"])
    user_agent: str
    request_id: str
    detail: dict[str, str]


class AuditPage(BaseModel):
    events: list[AuditEvent]
    next: int | None = Field(description="To be sent as `before` for the next, older page.")


@ROUTER.get("/v1/admin/audit-events", responses=problems(Code.INVALID_TOKEN, Code.FORBIDDEN))
async def read_audit_log(
    service: Running,
    admin: Administrator,
    *,
    limit: Annotated[int, Query(ge=1, le=_LARGEST_PAGE)] = 50,
    before: Annotated[EventId | None, Query(description="`next` of the previous page.")] = None,
    event: Annotated[Event | None, Query(description="Only events of this type.")] = None,
    account_id: Annotated[Identity | None, Query(description="Only events about it.")] = None,
) -> AuditPage:
    """Read the audit log, the newest event first. That it was read is an event, too."""
    events, following = await administration.audit_events(
        service,
        actor_id=admin.account.id,
        limit=limit,
        before=before,
        event=event,
        account_id=account_id,
    )
    shown = [AuditEvent(**{**row, "at": moment(row["at"])}) for row in events]
    return AuditPage(events=shown, next=following)
