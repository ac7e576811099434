"""Passkeys and security keys (WebAuthn Level 2), as py_webauthn verifies them.

The relying party is the issuer: its host is the RP ID, its origin the only accepted origin. No
attestation is requested: the make of a key does not matter here.
"""

import json
import struct
import time
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection

from auth.errors import Code, ProblemError
from auth.protection.limits import Action
from auth.service import Service
from auth.sign_in import admission, challenges
from auth.storage import accounts, passkeys
from auth.storage import challenges as stored_challenges
from auth.storage.accounts import Account
from auth.storage.challenges import Challenge
from auth.storage.passkeys import Passkey
from auth.telemetry.audit import Event

# a browser's PublicKeyCredential.toJSON(), its form validated by the API
Assertion = Mapping[str, Any]
# as the audit log and mails call it
KIND = "passkey"
_NAME = "Passkey"
# the ports that an origin omits (RFC 6454 §6.2)
_PORTS = {"http": 80, "https": 443}


def relying_party(issuer: str) -> tuple[str, str]:
    """Return the RP ID and the origin of an issuer, as browsers write them."""
    parts = urlsplit(issuer)
    host = parts.hostname or ""
    port = "" if parts.port in {None, _PORTS.get(parts.scheme)} else f":{parts.port}"
    return host, f"{parts.scheme}://{host}{port}"


def possible(issuer: str) -> bool:
    """Return whether browsers make passkeys for an issuer: its host must be a name."""
    try:
        ip_address(relying_party(issuer)[0])
    except ValueError:
        return True
    return False


async def request(service: Service, account_id: str | None) -> tuple[dict[str, Any], str]:
    """Return the options of `navigator.credentials.get`, and the challenge in them.

    For an account, any of its keys will do. For None, any passkey of the user will do; it has to
    verify the user, since nothing else is requested.
    """
    from webauthn import generate_authentication_options, options_to_json  # noqa: PLC0415
    from webauthn.helpers.structs import UserVerificationRequirement  # noqa: PLC0415

    known = await service.database.read(passkeys.every, account_id) if account_id else []
    rp_id, _ = relying_party(service.settings.issuer)
    wanted = UserVerificationRequirement
    options = generate_authentication_options(
        rp_id=rp_id,
        allow_credentials=_descriptors(known),
        user_verification=wanted.PREFERRED if account_id else wanted.REQUIRED,
    )
    written = json.loads(options_to_json(options))
    return written, written["challenge"]


def offer(service: Service) -> tuple[dict[str, Any], str]:
    """Return the options of `navigator.credentials.get` for any visitor, and the token to answer.

    Without the library: its memory is for those who sign in with a passkey.
    """
    token, challenge = challenges.offer(service)
    rp_id, _ = relying_party(service.settings.issuer)
    return {"challenge": challenge, "rpId": rp_id, "userVerification": "required"}, token


async def invitation(service: Service, account: Account) -> tuple[dict[str, Any], str]:
    """Return the options of `navigator.credentials.create`, and the challenge in them."""
    from webauthn import generate_registration_options, options_to_json  # noqa: PLC0415
    from webauthn.helpers.structs import (  # noqa: PLC0415
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    known = await service.database.read(passkeys.every, account.id)
    rp_id, _ = relying_party(service.settings.issuer)
    options = generate_registration_options(
        rp_id=rp_id,
        rp_name=rp_id,
        user_id=uuid.UUID(account.id).bytes,
        user_name=account.email,
        user_display_name=account.name or account.email,
        exclude_credentials=_descriptors(known),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
    )
    written = json.loads(options_to_json(options))
    return written, written["challenge"]


def registered(
    issuer: str, expected: str, credential: Assertion, *, account_id: str, name: str
) -> Passkey | None:
    """Return the passkey that a browser made for the challenge, None for any other answer."""
    from webauthn import base64url_to_bytes, verify_registration_response  # noqa: PLC0415
    from webauthn.helpers import bytes_to_base64url  # noqa: PLC0415

    rp_id, origin = relying_party(issuer)
    try:
        verified = verify_registration_response(
            credential=dict(credential),
            expected_challenge=base64url_to_bytes(expected),
            expected_rp_id=rp_id,
            expected_origin=origin,
        )
    except _refusals():
        return None
    return Passkey(
        id=bytes_to_base64url(verified.credential_id),
        account_id=account_id,
        public_key=bytes_to_base64url(verified.credential_public_key),
        sign_count=verified.sign_count,
        transports=" ".join(credential["response"].get("transports") or []),
        aaguid=verified.aaguid,
        backed_up=verified.credential_backed_up,
        name=name or _NAME,
        created_at=time.time(),
    )


def verify(
    connection: Connection,
    issuer: str,
    expected: str,
    assertion: Assertion,
    *,
    account_id: str | None,
) -> Passkey | None:
    """Return the passkey that signed the challenge, its use counted; None for any other answer.

    Without an account the passkey names its account, and must have verified the user. A counter
    that does not grow means a copy of the key (WebAuthn §6.1.1): refused.
    """
    from webauthn import base64url_to_bytes, verify_authentication_response  # noqa: PLC0415

    passkey = passkeys.by_id(connection, assertion["id"])
    if passkey is None or not expected or (account_id and passkey.account_id != account_id):
        return None
    handle = assertion["response"].get("userHandle")
    rp_id, origin = relying_party(issuer)
    try:
        if handle and base64url_to_bytes(handle) != uuid.UUID(passkey.account_id).bytes:
            return None
        verified = verify_authentication_response(
            credential=dict(assertion),
            expected_challenge=base64url_to_bytes(expected),
            expected_rp_id=rp_id,
            expected_origin=origin,
            credential_public_key=base64url_to_bytes(passkey.public_key),
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=account_id is None,
        )
    except _refusals():
        return None
    counted = passkeys.used(
        connection,
        passkey,
        verified.new_sign_count,
        backed_up=verified.credential_backed_up,
        now=time.time(),
    )
    return passkey if counted else None


def amr(passkey: Passkey) -> str:
    """Return the method (RFC 8176): a key that is copied to other devices counts as software."""
    return "swk" if passkey.backed_up else "hwk"


def _descriptors(known: list[Passkey]) -> list[Any]:
    from webauthn import base64url_to_bytes  # noqa: PLC0415
    from webauthn.helpers.structs import (  # noqa: PLC0415
        AuthenticatorTransport,
        PublicKeyCredentialDescriptor,
    )

    return [
        PublicKeyCredentialDescriptor(
            id=base64url_to_bytes(one.id),
            transports=[AuthenticatorTransport(name) for name in one.transports.split()] or None,
        )
        for one in known
    ]


def _refusals() -> tuple[type[Exception], ...]:
    """Return the errors that the library raises for refused or unreadable input."""
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415

    return (
        WebAuthnException,
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        AttributeError,
        OverflowError,
        struct.error,
    )


async def with_passkey(
    service: Service, challenge: str, assertion: Assertion
) -> tuple[Account, Sequence[str]]:
    """Return the account of the passkey that signed the challenge, and its methods (RFC 8176).

    Refuse with a ProblemError. The passkey verified its user, so it is both factors.
    """
    await service.limits.take(Action.LOGIN)
    open_challenge = await challenges.find_offered(service, challenge)
    done = await service.database.write(
        partial(
            _signed, issuer=service.settings.issuer, challenge=open_challenge, assertion=assertion
        )
    )
    if done is None:
        service.metrics.logins.labels("passkey").inc()
        await service.audit.record(Event.FACTOR_REFUSED, success=False, factor=KIND)
        raise ProblemError(Code.INVALID_FACTOR)
    account, passkey = done
    await admission.admit(service, account)
    return account, (amr(passkey), "user", "mfa")


def _signed(
    connection: Connection, *, issuer: str, challenge: Challenge, assertion: Assertion
) -> tuple[Account, Passkey] | None:
    """Use the challenge up, whether its answer is right or not; return the account and key."""
    if not stored_challenges.use(connection, challenge.hash, time.time()):
        return None
    expected = json.loads(challenge.data)["webauthn"]
    passkey = verify(connection, issuer, expected, assertion, account_id=None)
    account = accounts.by_id(connection, passkey.account_id) if passkey else None
    return (account, passkey) if account and passkey else None
