"""The check of AWS's signature version 4, which the S3-compatible API of Object Storage takes.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and
https://docs.oracle.com/en-us/iaas/Content/Object/Tasks/s3compatibleapi.htm
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

CLOCK_SKEW = timedelta(minutes=15)
UNSIGNED = "UNSIGNED-PAYLOAD"
_ALGORITHM = "AWS4-HMAC-SHA256"
_PARAMETER = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]+)")


class RefusedError(Exception):
    """The request is not signed as it must be; `code` is S3's."""

    def __init__(self, code: str, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclass(frozen=True, kw_only=True)
class S3Request:
    """A request as it was sent; names of headers are in lower case."""

    method: str
    path: str  # quoted
    query: str  # quoted
    headers: Mapping[str, str]
    body: bytes


def access_key(request: S3Request) -> str:
    """Return the access key that a request names; raise RefusedError without one."""
    return _parameters(request)["Credential"].partition("/")[0]


def verify(request: S3Request, *, access_key: str, secret: str, region: str, now: datetime) -> None:
    """Raise RefusedError unless the key signed exactly this request within the last minutes."""
    parameters = _parameters(request)
    shown_key, _, scope = parameters["Credential"].partition("/")
    if shown_key != access_key:
        raise RefusedError("InvalidAccessKeyId", "The access key does not exist.")
    moment = request.headers.get("x-amz-date", "")
    _check_clock(moment, now)
    expected_scope = f"{moment[:8]}/{region}/s3/aws4_request"
    if scope != expected_scope:
        raise RefusedError(
            "AuthorizationHeaderMalformed",
            f"The credential's scope is {scope}; it must be {expected_scope}.",
            400,
        )
    _check_body(request)
    signed = parameters["SignedHeaders"].split(";")
    if "host" not in signed:
        raise RefusedError("AccessDenied", "The signature does not cover the host.")
    expected = signature(request, signed, secret=secret, moment=moment, scope=scope)
    if not hmac.compare_digest(expected, parameters["Signature"]):
        raise RefusedError("SignatureDoesNotMatch", "The signature is not this key's.")


def signature(
    request: S3Request, signed: list[str], *, secret: str, moment: str, scope: str
) -> str:
    """Return the signature of a request, in hexadecimal digits."""
    headers = "".join(
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signed
    )
    canonical = "\n".join(
        [
            request.method,
            request.path,
            _canonical_query(request.query),
            headers,
            ";".join(signed),
            request.headers.get("x-amz-content-sha256", UNSIGNED),
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{_ALGORITHM}\n{moment}\n{scope}\n{digest}"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def _parameters(request: S3Request) -> dict[str, str]:
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    parameters = dict(_PARAMETER.findall(rest))
    if scheme != _ALGORITHM or len(parameters) != 3:  # noqa: PLR2004 - of the pattern above
        raise RefusedError("AccessDenied", f"The request is not signed by {_ALGORITHM}.")
    return parameters


def _check_body(request: S3Request) -> None:
    shown = request.headers.get("x-amz-content-sha256", "")
    if shown.startswith("STREAMING-"):
        raise RefusedError("NotImplemented", f"{shown} is not supported, as on Oracle Cloud.", 501)
    if shown not in {UNSIGNED, hashlib.sha256(request.body).hexdigest()}:
        raise RefusedError(
            "XAmzContentSHA256Mismatch",
            "The x-amz-content-sha256 header is not the digest of the body.",
            400,
        )


def _check_clock(moment: str, now: datetime) -> None:
    try:
        sent = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise RefusedError("AccessDenied", "The x-amz-date header is missing.") from None
    if abs(now - sent) > CLOCK_SKEW:
        raise RefusedError(
            "RequestTimeTooSkewed", f"The request's time is {moment}, and now is {now:%c}."
        )


def _canonical_query(query: str) -> str:
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    encoded = [(_encoded(name), _encoded(value)) for name, _, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))


def _encoded(text: str) -> str:
    return quote(unquote(text), safe="-_.~")
