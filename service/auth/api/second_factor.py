"""The second factor: the login's second step, authenticator apps, recovery codes."""

from typing import Annotated, Self

from fastapi import Request, Response
from pydantic import BaseModel, Field, SecretStr, model_validator

from auth.api.models import Tokens, signed_in
from auth.errors import Code, ProblemError
from auth.http.access import RecentUser, Running, User
from auth.http.fields import Opaque, Password, Secret, Taken
from auth.http.openapi import problems, router
from auth.http.webauthn import PasskeyAssertion
from auth.protection.limits import Action
from auth.service import Service
from auth.sign_in import enrolment, one_time_codes, second_factor
from auth.sign_in.enrolment import Owner
from auth.sign_in.identity import SignedIn
from auth.sign_in.sessions import begin
from auth.storage import factors
from auth.telemetry.audit import Event

ROUTER = router(tags=["second factor"])
_CHANGING = (Code.INVALID_TOKEN, Code.REAUTHENTICATION_REQUIRED)

TotpCode = Annotated[Secret, Field(min_length=6, max_length=11, examples=["492039"])]
RecoveryCode = Annotated[
    Secret, Field(min_length=16, max_length=64, examples=["7k2m-9qxf-04td-hw8b"])
]


class SecondFactorAnswer(Taken):
    """The challenge of the login, and either a code, a recovery code or a passkey's answer."""

    challenge: Opaque
    code: TotpCode | None = Field(None, description="The code in the authenticator app.")
    recovery_code: RecoveryCode | None = None
    webauthn: PasskeyAssertion | None = Field(
        None, description="The result of `navigator.credentials.get`, as `toJSON()` writes it."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if [self.code, self.recovery_code, self.webauthn].count(None) != 2:  # noqa: PLR2004
            raise ValueError("Send either code, recovery_code or webauthn.")
        return self


class SecondFactorProof(Taken):
    """Either a password or a code."""

    password: Password | None = None
    code: RecoveryCode | TotpCode | None = Field(
        None, description="The code in the authenticator app, or a recovery code."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.password is None) == (self.code is None):
            raise ValueError("Send either password or code.")
        return self


class TotpConfirmation(Taken):
    code: TotpCode


class SecondFactorState(BaseModel):
    enabled: bool = Field(description="Whether a login needs a second factor.")
    totp: bool
    passkeys: int
    recovery_codes_left: int


class TotpSecret(BaseModel):
    """Shown once."""

    secret: str = Field(description="To be typed, in base32.", examples=["JBSWY3DPEHPK3PXP"])
    uri: str = Field(examples=["otpauth://totp/auth:ada%40example.org?secret=…&issuer=auth"])
    qr_svg: str = Field(
        description="The URI as a QR code: an SVG image of no size, empty if it is too long."
    )


class RecoveryCodes(BaseModel):
    recovery_codes: list[str] | None = Field(
        description="Shown once; null if the account has recovery codes already.",
        examples=[["7k2m-9qxf-04td-hw8b"]],
    )


@ROUTER.post(
    "/v1/auth/login/second-factor",
    response_model=Tokens,
    tags=["sessions"],
    responses=problems(
        *(Code.INVALID_FACTOR, Code.INVALID_CHALLENGE),
        *(Code.ACCOUNT_DISABLED, Code.PASSWORD_RESET_REQUIRED),
    ),
)
async def login(request: Request, body: SecondFactorAnswer, service: Running) -> Response:
    """Trade the challenge of a login, and a second factor, for tokens.

    A wrong answer may be corrected, a few times and for some minutes: then the challenge is over.
    """
    if body.webauthn is not None:
        passed = await second_factor.passed_with_key(
            service, body.challenge, body.webauthn.model_dump()
        )
    else:
        code = body.code or body.recovery_code or SecretStr("")
        passed = await second_factor.passed(service, body.challenge, code.get_secret_value())
    grant = await begin(service, passed.account, amr=passed.amr)
    return signed_in(service, request, grant)


@ROUTER.get("/v1/me/second-factor", responses=problems(Code.INVALID_TOKEN))
async def read(service: Running, user: User) -> SecondFactorState:
    """List the second factors of the account."""
    has = await service.database.read(factors.of, user.account.id)
    return SecondFactorState(
        enabled=bool(has),
        totp=has.totp,
        passkeys=has.passkeys,
        recovery_codes_left=has.recovery_codes,
    )


@ROUTER.post("/v1/me/totp", responses=problems(*_CHANGING, Code.CONFLICT))
async def begin_totp(service: Running, user: RecentUser) -> TotpSecret:
    """Make a secret for an authenticator app. It counts once a code of it is confirmed."""
    made = await enrolment.begin_totp(service, owner(user))
    return TotpSecret(secret=made.secret, uri=made.uri, qr_svg=one_time_codes.qr_svg(made.uri))


@ROUTER.post("/v1/me/totp/confirm", responses=problems(*_CHANGING, Code.INVALID_FACTOR))
async def confirm_totp(body: TotpConfirmation, service: Running, user: RecentUser) -> RecoveryCodes:
    """Turn the authenticator app on, with a code of it. Other sessions end if it is the first."""
    code = body.code.get_secret_value()
    codes = await enrolment.confirm_totp(service, owner(user), code)
    return RecoveryCodes(recovery_codes=codes)


@ROUTER.post(
    "/v1/me/totp/disable",
    status_code=204,
    responses=problems(
        *(*_CHANGING, Code.INVALID_CREDENTIALS, Code.INVALID_FACTOR),
        *(Code.PASSWORD_RESET_REQUIRED, Code.NOT_FOUND, Code.BUSY),
    ),
)
async def disable_totp(body: SecondFactorProof, service: Running, user: RecentUser) -> Response:
    """Take the authenticator app away; with the last factor the recovery codes go, too."""
    if body.code is not None:
        await second_factor.confirmed(service, user.account, body.code.get_secret_value())
    else:
        await _password(service, user, body.password or SecretStr(""))
    await enrolment.remove_totp(service, owner(user))
    return Response(status_code=204)


@ROUTER.post("/v1/me/recovery-codes", responses=problems(*_CHANGING, Code.CONFLICT))
async def renew_recovery_codes(service: Running, user: RecentUser) -> RecoveryCodes:
    """Make ten new recovery codes; earlier codes are void. Each works once."""
    return RecoveryCodes(recovery_codes=await enrolment.new_codes(service, owner(user)))


def owner(user: SignedIn) -> Owner:
    if user.session is None:
        raise ProblemError(Code.REAUTHENTICATION_REQUIRED)
    return Owner(account=user.account, here=user.session)


async def _password(service: Service, user: SignedIn, password: SecretStr) -> None:
    await service.limits.take(Action.GUESS, user.account.id)
    verdict = await service.passwords.verify(user.account.password, password.get_secret_value())
    if not verdict.right:
        await service.audit.record(
            Event.FACTOR_REMOVED, success=False, account_id=user.account.id, reason="password"
        )
        raise ProblemError(Code.INVALID_CREDENTIALS)
