"""Passwords: changing them, and replacing forgotten passwords."""

from fastapi import Response

from auth.accounts import passwords
from auth.errors import Code
from auth.http.access import Running, User, stepped_up
from auth.http.fields import Email, NewPassword, Opaque, Password, Taken
from auth.http.openapi import problems, router

ROUTER = router(prefix="/v1/auth/password", tags=["passwords"])


class PasswordChange(Taken):
    current_password: Password
    new_password: NewPassword


class ForgottenPassword(Taken):
    email: Email


class PasswordReset(Taken):
    token: Opaque
    password: NewPassword


@ROUTER.post(
    "/change",
    status_code=204,
    responses=problems(
        Code.INVALID_TOKEN,
        Code.INVALID_CREDENTIALS,
        Code.REAUTHENTICATION_REQUIRED,
        Code.PASSWORD_REFUSED,
        Code.INVALID_REQUEST,
        Code.BUSY,
    ),
)
async def change(body: PasswordChange, service: Running, user: User) -> Response:
    """Change the password. Every other session of the account ends; this session goes on.

    An account with a second factor needs a recent login, too.
    """
    await stepped_up(service, user)
    await passwords.change(
        service,
        user.account,
        user.session,
        current=body.current_password.get_secret_value(),
        new=body.new_password.get_secret_value(),
    )
    return Response(status_code=204)


@ROUTER.post("/forgot", status_code=202, response_class=Response)
async def forgot(body: ForgottenPassword, service: Running) -> Response:
    """Mail a link to set a new password. The answer is the same whether there is an account."""
    await passwords.mail_reset(service, body.email)
    return Response(status_code=202)


@ROUTER.post(
    "/reset",
    status_code=204,
    responses=problems(Code.INVALID_CODE, Code.PASSWORD_REFUSED, Code.INVALID_REQUEST, Code.BUSY),
)
async def reset(body: PasswordReset, service: Running) -> Response:
    """Set a new password with the token that was mailed. Every session of the account ends."""
    await passwords.reset(service, body.token, body.password.get_secret_value())
    return Response(status_code=204)
