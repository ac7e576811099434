"""Admission: whether an account may sign in, after its user proved to be its user."""

from auth.errors import Code, ProblemError
from auth.service import Service
from auth.storage.accounts import Account
from auth.telemetry.audit import Event


async def admit(service: Service, account: Account) -> None:
    """Refuse an account that may not sign in, after its user proved to be its user."""
    if account.disabled_at is not None:
        await refused(service, Event.LOGIN, account, "disabled")
        raise ProblemError(Code.ACCOUNT_DISABLED)
    if service.settings.require_verified_email and account.email_verified_at is None:
        await refused(service, Event.LOGIN, account, "unverified")
        raise ProblemError(Code.EMAIL_NOT_VERIFIED)


async def refused(service: Service, event: Event, account: Account | None, why: str) -> None:
    service.metrics.logins.labels(why).inc()
    account_id = account.id if account else None
    await service.audit.record(event, success=False, account_id=account_id, reason=why)
