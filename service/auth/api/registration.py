"""Registration of an account."""

from fastapi import Request

from auth.accounts import register as registration
from auth.api.models import Me
from auth.errors import Code
from auth.http import languages
from auth.http.access import Running
from auth.http.fields import Registration
from auth.http.openapi import problems, router

ROUTER = router(prefix="/v1/auth", tags=["accounts"])


@ROUTER.post(
    "/register",
    status_code=201,
    responses=problems(Code.PASSWORD_REFUSED, Code.INVALID_REQUEST, Code.EMAIL_TAKEN, Code.BUSY),
)
async def register(request: Request, body: Registration, service: Running) -> Me:
    """Make an account, and mail a link that verifies its address.

    If there is an account with this address, the answer looks the same, nothing changes, and its
    owner gets a mail. `email_taken` is only answered where the service is configured to. The
    account gets its mails in the language of `Accept-Language`; an application sends its user's.
    """
    account = await registration.register(
        service,
        body.email,
        body.password.get_secret_value(),
        locale=languages.wished(request) or None,
    )
    return Me.of(account)
