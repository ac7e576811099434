"""The proof that an e-mail address belongs to its user."""

from fastapi import Response

from auth.accounts import verify as verification
from auth.errors import Code
from auth.http.access import Running
from auth.http.fields import Email, Opaque, Taken
from auth.http.openapi import problems, router

ROUTER = router(prefix="/v1/auth/verify-email", tags=["accounts"])


class Verification(Taken):
    token: Opaque


class VerificationRequest(Taken):
    email: Email


@ROUTER.post("", status_code=204, responses=problems(Code.INVALID_CODE, Code.EMAIL_TAKEN))
async def verify(body: Verification, service: Running) -> Response:
    """Prove an address with the token that was mailed to it; a new address counts from now on."""
    await verification.verify(service, body.token)
    return Response(status_code=204)


@ROUTER.post("/resend", status_code=202, response_class=Response)
async def resend(body: VerificationRequest, service: Running) -> Response:
    """Mail the link that verifies an address again.

    The answer is the same with or without such an account.
    """
    await verification.mail_again(service, body.email)
    return Response(status_code=202)
