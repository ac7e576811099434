"""A request to Oracle's API, signed with a user's API key.

Python's standard library has no RSA, so `openssl` signs.
Source: https://docs.oracle.com/en-us/iaas/Content/API/Concepts/signingrequests.htm
"""

import base64
import hashlib
import http.client
import json
import subprocess
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from urllib.parse import urlsplit

from .errors import ReleaseError

_SECONDS = 10
_MOST_BYTES = 64 << 10  # of an answer
_SIGNED = ("(request-target)", "date", "host", "content-length", "content-type", "x-content-sha256")
_REMEDIES = {
    401: "the API key is unknown, or the clock of this host is wrong: see `timedatectl`",
    404: "the policy of the key's user does not allow this",
}


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """A user's API key; `key_id` is TENANCY/USER/FINGERPRINT, the file holds the private half."""

    key_id: str
    file: Path


def post(url: str, document: object, key: ApiKey) -> bytes:
    """Send a document as JSON and return the answer; raise ReleaseError for any but 2xx."""
    body = json.dumps(document).encode()
    parts = urlsplit(url)
    headers = _headers(parts.netloc, parts.path, body, key)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=_SECONDS)
    try:
        connection.request("POST", parts.path, body, headers)
        answer = connection.getresponse()
        content = answer.read(_MOST_BYTES)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ReleaseError(f"{parts.netloc} gives no answer: {reason}") from None
    finally:
        connection.close()
    if answer.status // 100 != 2:  # noqa: PLR2004 - the class of success
        raise ReleaseError(_refusal(parts.netloc, answer.status, content))
    return content


def _headers(host: str, path: str, body: bytes, key: ApiKey) -> dict[str, str]:
    headers = {
        "date": formatdate(usegmt=True),
        "host": host,
        "content-length": str(len(body)),
        "content-type": "application/json",
        "x-content-sha256": base64.b64encode(hashlib.sha256(body).digest()).decode(),
    }
    values = {"(request-target)": f"post {path}", **headers}
    text = "\n".join(f"{name}: {values[name]}" for name in _SIGNED)
    signature = base64.b64encode(_signed(text.encode(), key.file)).decode()
    headers["authorization"] = (
        f'Signature version="1",keyId="{key.key_id}",algorithm="rsa-sha256",'
        f'headers="{" ".join(_SIGNED)}",signature="{signature}"'
    )
    return headers


def _signed(text: bytes, key_file: Path) -> bytes:
    """Sign with RSA and SHA-256; the key stays in its file."""
    command = ["openssl", "dgst", "-sha256", "-sign", str(key_file)]
    try:
        result = subprocess.run(
            command, input=text, capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReleaseError(f"`openssl dgst` can't sign the request: {error}") from None
    if result.returncode != 0:
        raise ReleaseError(f"`openssl dgst` can't sign the request with the key in {key_file}")
    return result.stdout


def _refusal(host: str, status: int, content: bytes) -> str:
    try:
        message = str(json.loads(content)["message"])
    except (ValueError, LookupError, TypeError):
        message = "without a reason"
    remedy = _REMEDIES.get(status)
    return f"{host} refuses with HTTP {status}: {message}" + (f" ({remedy})" if remedy else "")
