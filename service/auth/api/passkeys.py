"""Passkeys: signing in with nothing else, and those that an account has."""

import json
import time
from functools import partial

from fastapi import Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from auth import enrolment, passkeys, secret_tokens, sign_in
from auth.api.access import RecentUser, Running, User
from auth.api.answers import problems, router
from auth.api.models import Name, Opaque, Taken, Tokens, moment, written
from auth.api.passkey_models import Assertion, Id, Options, Registration
from auth.api.second_factor import session_of
from auth.guard.limits import Action
from auth.observe.audit import Event
from auth.problems import Code, ProblemError
from auth.second_factor import SECONDS, pose
from auth.service import Service
from auth.storage import accounts, challenges
from auth.storage import passkeys as kept
from auth.storage.accounts import Account
from auth.storage.challenges import Challenge, Purpose
from auth.storage.passkeys import Passkey

ROUTER = router(tags=["passkeys"])
_CHANGING = (Code.INVALID_TOKEN, Code.REAUTHENTICATION_REQUIRED)


class Login(Taken):
    challenge: Opaque
    credential: Assertion


class NewPasskey(Taken):
    challenge: Opaque
    credential: Registration
    name: Name = ""


class Rename(Taken):
    name: Name = Field(min_length=1)


class PasskeyEntry(BaseModel):
    id: str
    name: str = Field(examples=["Passkey"])
    synced: bool = Field(description="Whether it is copied to other devices of the user.")
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


class Registered(BaseModel):
    passkey: PasskeyEntry
    recovery_codes: list[str] | None = Field(
        description="Shown once, if this is the account's first second factor."
    )


class Passkeys(BaseModel):
    passkeys: list[PasskeyEntry]


@ROUTER.post("/v1/auth/login/passkey/options", tags=["sessions"])
async def login_options(service: Running) -> Options:
    """Begin a login with a passkey alone."""
    await service.limits.take(Action.LOGIN)
    options, expected = await passkeys.request(service, None)
    return await _options(service, Purpose.PASSKEY_LOGIN, None, options, expected)


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
async def login(given: Login, service: Running) -> Response:
    """Trade a passkey's signature for tokens. It verified the user, so it is both factors."""
    await service.limits.take(Action.LOGIN)
    found = await _challenge(service, Purpose.PASSKEY_LOGIN, given.challenge)
    verify = partial(_verify, service.settings.issuer, found, given.credential)
    done = await service.database.write(verify)
    if done is None:
        service.metrics.logins.labels("passkey").inc()
        await service.audit.record(Event.FACTOR_REFUSED, success=False, factor=enrolment.PASSKEY)
        raise ProblemError(Code.INVALID_FACTOR)
    account, passkey = done
    await sign_in.admit(service, account)
    grant = await sign_in.begin(service, account, amr=[passkeys.amr(passkey), "user", "mfa"])
    return written(Tokens.of(grant))


@ROUTER.get("/v1/me/passkeys", responses=problems(Code.INVALID_TOKEN))
async def list_passkeys(service: Running, user: User) -> Passkeys:
    """List the account's passkeys, the oldest first."""
    found = await service.database.read(kept.every, user.account.id)
    return Passkeys(passkeys=[PasskeyEntry.of(passkey) for passkey in found])


@ROUTER.post("/v1/me/passkeys/options", responses=problems(*_CHANGING))
async def registration_options(service: Running, user: RecentUser) -> Options:
    """Begin to register a passkey."""
    options, expected = await passkeys.invitation(service, user.account)
    purpose = Purpose.PASSKEY_REGISTRATION
    return await _options(service, purpose, user.account.id, options, expected)


@ROUTER.post(
    "/v1/me/passkeys",
    status_code=201,
    responses=problems(*_CHANGING, Code.INVALID_FACTOR, Code.INVALID_CHALLENGE, Code.CONFLICT),
)
async def register(given: NewPasskey, service: Running, user: RecentUser) -> Registered:
    """Register a passkey. From then on the password alone signs in no more."""
    account = user.account
    found = await _challenge(service, Purpose.PASSKEY_REGISTRATION, given.challenge)
    if found.account_id != account.id:
        raise ProblemError(Code.INVALID_CHALLENGE)
    passkey = passkeys.registered(
        service.settings.issuer,
        json.loads(found.data)["webauthn"],
        given.credential.model_dump(),
        account_id=account.id,
        name=given.name,
    )
    if passkey is None:
        raise ProblemError(Code.INVALID_FACTOR)
    codes = await enrolment.add_passkey(service, account, session_of(user), found.hash, passkey)
    return Registered(passkey=PasskeyEntry.of(passkey), recovery_codes=codes)


@ROUTER.patch(
    "/v1/me/passkeys/{passkey_id}", responses=problems(Code.INVALID_TOKEN, Code.NOT_FOUND)
)
async def rename(passkey_id: Id, given: Rename, service: Running, user: User) -> PasskeyEntry:
    """Give a passkey another name."""
    renamed = await service.database.write(kept.rename, user.account.id, passkey_id, given.name)
    if renamed is None:
        raise ProblemError(Code.NOT_FOUND)
    return PasskeyEntry.of(renamed)


@ROUTER.delete(
    "/v1/me/passkeys/{passkey_id}", status_code=204, responses=problems(*_CHANGING, Code.NOT_FOUND)
)
async def delete(passkey_id: Id, service: Running, user: RecentUser) -> Response:
    """Take a passkey away."""
    await enrolment.remove_passkey(service, user.account, passkey_id)
    return Response(status_code=204)


async def _options(
    service: Service,
    purpose: Purpose,
    account_id: str | None,
    options: dict[str, object],
    expected: str,
) -> Options:
    token = await pose(service, purpose, account_id, {"webauthn": expected})
    return Options(challenge=token, expires_in=SECONDS, webauthn=options)


async def _challenge(service: Service, purpose: Purpose, token: str) -> Challenge:
    hashed = secret_tokens.hashed(token)
    found = await service.database.read(challenges.find, hashed, purpose, time.time())
    if found is None:
        raise ProblemError(Code.INVALID_CHALLENGE)
    return found


def _verify(
    issuer: str, found: Challenge, credential: Assertion, connection: Connection
) -> tuple[Account, Passkey] | None:
    """Use the challenge up, whether or not its answer is right; give who answered."""
    if not challenges.use(connection, found.hash, time.time()):
        return None
    expected = json.loads(found.data)["webauthn"]
    signed = credential.model_dump()
    passkey = passkeys.verify(connection, issuer, expected, signed, account_id=None)
    account = accounts.by_id(connection, passkey.account_id) if passkey else None
    return (account, passkey) if account and passkey else None
