"""The check of a request's signature: OCI's version 1 of the draft-cavage HTTP signatures.

Source: https://docs.oracle.com/en-us/iaas/Content/API/Concepts/signingrequests.htm
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from localcloud.api import errors

CLOCK_SKEW = timedelta(minutes=5)
_SIGNED_ALWAYS = frozenset({"(request-target)", "host"})
_SIGNED_WITH_BODY = frozenset({"content-length", "content-type", "x-content-sha256"})
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, kw_only=True)
class SignedRequest:
    """The parts of a request that a signature covers."""

    method: str
    target: str  # path and query, as sent
    headers: Mapping[str, str]  # names in lower case
    body: bytes


def verify(
    request: SignedRequest,
    keys: Mapping[str, RSAPublicKey],
    now: datetime,
    *,
    with_body: bool = True,
) -> str:
    """Return the name of the key in `keys` that signed exactly this request within minutes, or 401.

    Some operations, such as PutObject, send a body that no header describes: `with_body` is false
    where the operation is not known.
    """
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    parameters = dict(_PARAMETER.findall(rest))
    if scheme.lower() != "signature" or parameters.get("algorithm") != "rsa-sha256":
        raise errors.not_authenticated()
    key_id = str(parameters.get("keyId", ""))
    if key_id not in keys:
        raise errors.not_authenticated()
    signed = parameters.get("headers", "date").lower().split()
    _check_signed_headers(request, signed, with_body=with_body)
    _check_clock(request, signed, now)
    try:
        keys[key_id].verify(
            base64.b64decode(parameters.get("signature", ""), validate=True),
            _signing_string(request, signed).encode(),
            PKCS1v15(),
            SHA256(),
        )
    except (InvalidSignature, binascii.Error) as error:
        raise errors.not_authenticated() from error
    return key_id


def _check_signed_headers(request: SignedRequest, signed: list[str], *, with_body: bool) -> None:
    required = set(_SIGNED_ALWAYS)
    if with_body and request.method in {"POST", "PUT", "PATCH"}:
        required |= _SIGNED_WITH_BODY
        digest = base64.b64encode(hashlib.sha256(request.body).digest()).decode()
        if request.headers.get("x-content-sha256") != digest:
            raise errors.not_authenticated(
                "The x-content-sha256 header is not the Base64 SHA-256 digest of the body."
            )
    absent = sorted(required.difference(signed))
    if absent:
        raise errors.not_authenticated(
            f"The signature does not cover the required headers: {', '.join(absent)}."
        )


def _check_clock(request: SignedRequest, signed: list[str], now: datetime) -> None:
    name = "x-date" if "x-date" in signed else "date"
    text = request.headers.get(name, "")
    if name not in signed or not text:
        raise errors.not_authenticated("The signature does not cover a date or x-date header.")
    try:
        date = parsedate_to_datetime(text).astimezone(UTC)
    except ValueError as error:
        raise errors.not_authenticated(f"The {name} header '{text}' is no HTTP date.") from error
    if abs(now - date) > CLOCK_SKEW:
        raise errors.not_authenticated(
            f"Date '{_shown(date)}' is not within allowed clock skew. Current '{_shown(now)}', "
            f"valid datetime range: ['{_shown(now - CLOCK_SKEW)}', '{_shown(now + CLOCK_SKEW)}']"
        )


def _shown(moment: datetime) -> str:
    return moment.strftime("%a, %d %b %Y %H:%M:%S UTC")


def _signing_string(request: SignedRequest, signed: list[str]) -> str:
    lines = []
    for name in signed:
        if name == "(request-target)":
            lines.append(f"{name}: {request.method.lower()} {request.target}")
        elif name in request.headers:
            lines.append(f"{name}: {request.headers[name]}")
        else:
            raise errors.not_authenticated(f"The signature covers '{name}', which is not sent.")
    return "\n".join(lines)
