"""Passkeys: a login with a passkey alone, and the passkeys of an account."""

from fastapi import Request, Response
from pydantic import BaseModel, Field

from auth.api.models import Tokens, moment, signed_in
from auth.api.second_factor import owner
from auth.errors import Code, ProblemError
from auth.http.access import RecentUser, Running, User
from auth.http.fields import Name, Opaque, Taken
from auth.http.openapi import problems, router
from auth.http.webauthn import Id, PasskeyAssertion, PasskeyOptions, PasskeyRegistration
from auth.protection.limits import Action
from auth.sign_in import challenges, enrolment, passkeys
from auth.sign_in.sessions import begin
from auth.storage import passkeys as stored_passkeys
from auth.storage.challenges import Purpose
from auth.storage.passkeys import Passkey

ROUTER = router(tags=["passkeys"])
_CHANGING = (Code.INVALID_TOKEN, Code.REAUTHENTICATION_REQUIRED)


class PasskeyLogin(Taken):
    challenge: Opaque
    credential: PasskeyAssertion


class NewPasskey(Taken):
    challenge: Opaque
    credential: PasskeyRegistration
    name: Name = ""


class PasskeyRename(Taken):
    name: Name = Field(min_length=1)


class PasskeyEntry(BaseModel):
    id: str
    name: str = Field(examples=["Passkey"])
    synced: bool = Field(description="Whether the passkey is copied to other devices of the user.")
    created_at: str
    last_used_at: str | None

    @classmethod
    def of(cls, passkey: Passkey) -> "PasskeyEntry":
        last = passkey.last_used_at
        return cls(
            id=passkey.id,
            name=passkey.name,
            synced=passkey.backed_up,
            created_at=moment(passkey.created_at),
            last_used_at=None if last is None else moment(last),
        )


class RegisteredPasskey(BaseModel):
    passkey: PasskeyEntry
    recovery_codes: list[str] | None = Field(
        description="Shown once, if this is the account's first second factor."
    )


class Passkeys(BaseModel):
    passkeys: list[PasskeyEntry]


@ROUTER.post("/v1/auth/login/passkey/options", tags=["sessions"])
async def login_options(service: Running) -> PasskeyOptions:
    """Begin a login with a passkey alone."""
    await service.limits.take(Action.LOGIN)
    options, expected = await passkeys.request(service, None)
    token = await challenges.issue(service, Purpose.PASSKEY_LOGIN, None, {"webauthn": expected})
    return _options(token, options)


@ROUTER.post(
    "/v1/auth/login/passkey",
    response_model=Tokens,
    tags=["sessions"],
    responses=problems(
        Code.INVALID_FACTOR,
        Code.INVALID_CHALLENGE,
        Code.ACCOUNT_DISABLED,
        Code.EMAIL_NOT_VERIFIED,
    ),
)
async def login(request: Request, body: PasskeyLogin, service: Running) -> Response:
    """Trade a passkey's signature for tokens. It verified the user, so it is both factors."""
    signed = body.credential.model_dump()
    account, amr = await passkeys.with_passkey(service, body.challenge, signed)
    grant = await begin(service, account, amr=amr)
    return signed_in(service, request, grant)


@ROUTER.get("/v1/me/passkeys", responses=problems(Code.INVALID_TOKEN))
async def list_passkeys(service: Running, user: User) -> Passkeys:
    """List the account's passkeys, the oldest first."""
    passkeys_of_account = await service.database.read(stored_passkeys.every, user.account.id)
    return Passkeys(passkeys=[PasskeyEntry.of(passkey) for passkey in passkeys_of_account])


@ROUTER.post("/v1/me/passkeys/options", responses=problems(*_CHANGING))
async def registration_options(service: Running, user: RecentUser) -> PasskeyOptions:
    """Begin to register a passkey."""
    return _options(*await enrolment.begin_passkey(service, user.account))


@ROUTER.post(
    "/v1/me/passkeys",
    status_code=201,
    responses=problems(*_CHANGING, Code.INVALID_FACTOR, Code.INVALID_CHALLENGE, Code.CONFLICT),
)
async def register(body: NewPasskey, service: Running, user: RecentUser) -> RegisteredPasskey:
    """Register a passkey. From then on the password alone signs in no more."""
    passkey, codes = await enrolment.add_passkey(
        service,
        owner(user),
        body.challenge,
        body.credential.model_dump(),
        name=body.name,
    )
    return RegisteredPasskey(passkey=PasskeyEntry.of(passkey), recovery_codes=codes)


@ROUTER.patch(
    "/v1/me/passkeys/{passkey_id}", responses=problems(Code.INVALID_TOKEN, Code.NOT_FOUND)
)
async def rename(passkey_id: Id, body: PasskeyRename, service: Running, user: User) -> PasskeyEntry:
    """Give a passkey another name."""
    renamed = await service.database.write(
        stored_passkeys.rename, user.account.id, passkey_id, body.name
    )
    if renamed is None:
        raise ProblemError(Code.NOT_FOUND)
    return PasskeyEntry.of(renamed)


@ROUTER.delete(
    "/v1/me/passkeys/{passkey_id}", status_code=204, responses=problems(*_CHANGING, Code.NOT_FOUND)
)
async def delete(passkey_id: Id, service: Running, user: RecentUser) -> Response:
    """Remove a passkey."""
    await enrolment.remove_passkey(service, owner(user), passkey_id)
    return Response(status_code=204)


def _options(token: str, options: dict[str, object]) -> PasskeyOptions:
    return PasskeyOptions(challenge=token, expires_in=challenges.SECONDS, webauthn=options)
