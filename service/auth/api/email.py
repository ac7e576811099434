"""The proof that an e-mail address belongs to its user."""

from fastapi import Response
from pydantic import Field

from auth.accounts import verify as verification
from auth.errors import Code
from auth.http.access import PerhapsUser, Running
from auth.http.fields import Email, NewPassword, Opaque, Taken
from auth.http.openapi import problems, router
from auth.protection.limits import Action

ROUTER = router(prefix="/v1/auth/verify-email", tags=["accounts"])


class Verification(Taken):
    token: Opaque
    password: NewPassword | None = Field(
        None,
        description="Unless the access token of the account comes along: its password. At a "
        "registration another password becomes that of the account, and ends all sessions.",
    )


class VerificationRequest(Taken):
    email: Email


@ROUTER.post(
    "",
    status_code=204,
    responses=problems(
        Code.INVALID_CODE,
        Code.INVALID_CREDENTIALS,
        Code.PASSWORD_REQUIRED,
        Code.PASSWORD_REFUSED,
        Code.EMAIL_TAKEN,
    ),
)
async def verify(body: Verification, service: Running, user: PerhapsUser) -> Response:
    """Prove an address with the token that was mailed to it; a new address counts from now on.

    Anybody could have registered the address, and a mail to a new address may reach a stranger. The
    first proof and a change take the access token of the account, or its password.
    """
    await service.limits.take(Action.GUESS)
    proof = await verification.find(service, body.token)
    await verification.verify(
        service,
        body.token,
        proof,
        is_registrant=user is not None and user.account.id == proof.account.id,
        password=body.password.get_secret_value() if body.password else "",
    )
    return Response(status_code=204)


@ROUTER.post("/resend", status_code=202, response_class=Response)
async def resend(body: VerificationRequest, service: Running) -> Response:
    """Mail the link that verifies an address again.

    The answer is the same with or without such an account.
    """
    await verification.mail_again(service, body.email)
    return Response(status_code=202)
