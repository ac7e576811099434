"""Administration: the accounts of others, the changes to them, and the audit log."""

import time
from typing import Any

from sqlalchemy import Connection

from auth.accounts import passwords
from auth.clients.endpoints import Kind
from auth.clients.webhooks import Webhooks
from auth.errors import Code, ProblemError
from auth.languages.messages import Message
from auth.service import Service
from auth.sign_in import enrolment
from auth.storage import accounts, action_tokens, sessions
from auth.storage.accounts import ADMIN, Account
from auth.storage.action_tokens import Purpose
from auth.telemetry.audit import Event


async def find(service: Service, account_id: str) -> Account:
    """Return an account; raise NOT_FOUND without such an account."""
    return _existing(await service.database.read(accounts.by_id, account_id))


async def users(
    service: Service, *, limit: int, after: str | None, email: str | None
) -> tuple[list[Account], str | None]:
    """List accounts, newest first, with the `after` of the next page, None on the last page.

    `email` is a part of their addresses.
    """
    found = await service.database.read(accounts.page, limit=limit + 1, after=after, email=email)
    shown = found[:limit]
    return shown, shown[-1].id if len(found) > limit else None


async def audit_events(
    service: Service,
    *,
    actor_id: str,
    limit: int,
    before: int | None,
    event: Event | None,
    account_id: str | None,
) -> tuple[list[dict[str, Any]], int | None]:
    """List audit events, newest first, with the `before` of the next, older page.

    The reading is an event, too.
    """
    found = await service.audit.page(
        before=before, size=limit + 1, event=event, account_id=account_id
    )
    await service.audit.record(Event.ADMIN_READ_AUDIT, actor_id=actor_id)
    shown = found[:limit]
    return shown, shown[-1]["id"] if len(found) > limit else None


async def sign_out(service: Service, account_id: str, *, actor_id: str) -> None:
    """End every session of an account; raise NOT_FOUND without such an account."""
    account = await find(service, account_id)
    await service.database.write(sessions.revoke_all, account.id, "administrator", time.time())
    await service.audit.record(Event.LOGOUT_EVERYWHERE, account_id=account.id, actor_id=actor_id)


async def disable(service: Service, account_id: str, *, actor_id: str) -> Account:
    """Disable an account and end its sessions; raise NOT_FOUND, or CONFLICT for the actor's own."""
    if account_id == actor_id:
        raise ProblemError(Code.CONFLICT, detail=Message("You can't disable your own account."))
    account = _existing(await service.database.write(_disable, account_id, service.webhooks))
    await service.audit.record(Event.ACCOUNT_DISABLED, account_id=account.id, actor_id=actor_id)
    return account


async def enable(service: Service, account_id: str, *, actor_id: str) -> Account:
    """Enable a disabled account; raise NOT_FOUND without such an account."""
    account = _existing(await service.database.write(_enable, account_id, service.webhooks))
    await service.audit.record(Event.ACCOUNT_ENABLED, account_id=account.id, actor_id=actor_id)
    return account


async def reset_second_factor(service: Service, account_id: str, *, actor_id: str) -> None:
    """Remove each second factor of an account; raise NOT_FOUND, or CONFLICT for the actor's own."""
    if account_id == actor_id:
        raise ProblemError(Code.CONFLICT, detail=Message("Remove your own factors under /v1/me."))
    await enrolment.reset(service, await find(service, account_id), actor_id)


def make_administrator(
    connection: Connection, email: str, password_hash: str
) -> tuple[Account, bool]:
    """Make an account an administrator; return it, and whether it kept its password."""
    account = accounts.by_email(connection, email)
    if account is not None and account.email_verified_at is not None:
        accounts.change(connection, account.id, role=ADMIN)
        return account, True
    if account is not None:
        # anybody could have registered the address
        passwords.take_over(
            connection,
            account_id=account.id,
            password_hash=password_hash,
            reason="made administrator",
        )
        action_tokens.forget(connection, account.id, *Purpose)
        accounts.change(connection, account.id, role=ADMIN, email_verified_at=time.time())
        return account, False
    account = accounts.new(email, password_hash, role=ADMIN, email_verified_at=time.time())
    accounts.add(connection, account)
    return account, False


def _enable(connection: Connection, account_id: str, webhooks: Webhooks) -> Account | None:
    account = accounts.by_id(connection, account_id)
    if account is not None and account.disabled_at is not None:
        account = accounts.change(connection, account_id, disabled_at=None)
        if account is not None:
            webhooks.announce(connection, Kind.ENABLED, account)
    return account


def _disable(connection: Connection, account_id: str, webhooks: Webhooks) -> Account | None:
    now = time.time()
    account = accounts.by_id(connection, account_id)
    if account is not None and account.disabled_at is None:
        account = accounts.change(connection, account_id, disabled_at=now)
        if account is not None:
            webhooks.announce(connection, Kind.DISABLED, account)
    # after that: a login that was faster has its session by now
    sessions.revoke_all(connection, account_id, "account disabled", now)
    return account


def _existing(account: Account | None) -> Account:
    if account is None:
        raise ProblemError(Code.NOT_FOUND)
    return account
