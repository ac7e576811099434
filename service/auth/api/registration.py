"""Making an account."""

from auth import links, sign_in
from auth.api.access import Running
from auth.api.answers import problems, router
from auth.api.models import Email, Me, NewPassword, Taken
from auth.guard.limits import Action
from auth.observe.audit import Event
from auth.problems import Code, ProblemError
from auth.service import Service
from auth.storage import accounts
from auth.storage.accounts import Account, EmailTakenError

ROUTER = router(prefix="/v1/auth", tags=["accounts"])


class Registration(Taken):
    email: Email
    password: NewPassword


@ROUTER.post(
    "/register",
    status_code=201,
    responses=problems(Code.PASSWORD_REFUSED, Code.INVALID_REQUEST, Code.EMAIL_TAKEN, Code.BUSY),
)
async def register(given: Registration, service: Running) -> Me:
    """Make an account, and mail a link that verifies its address.

    If there is an account with this address, the answer looks the same, nothing changes, and its
    owner gets a mail. `email_taken` is only answered where the service is configured to.
    """
    account = await make_account(service, given.email, given.password.get_secret_value())
    return Me.of(account)


async def make_account(service: Service, email: str, password: str) -> Account:
    """Make an account, or only seem to where there is one; also for the page."""
    await service.limits.take(Action.REGISTER)
    hashed = await sign_in.new_password(service, password, email)
    account = accounts.new(email, hashed)
    try:
        await service.database.write(accounts.add, account)
    except EmailTakenError:
        if service.settings.reveal_registered:
            raise ProblemError(Code.EMAIL_TAKEN) from None
        links.tell_owner_soon(service, account.email)
        await service.audit.record(Event.ACCOUNT_REGISTERED, success=False, reason="taken")
    else:
        links.verify_soon(service, account)
        await service.audit.record(Event.ACCOUNT_REGISTERED, account_id=account.id)
    return account
