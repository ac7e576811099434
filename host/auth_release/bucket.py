"""The backup bucket: objects of an S3-compatible API, signed by AWS's signature version 4.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

import errno
import hashlib
import hmac
import http.client
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

from .errors import ReleaseError

_SECONDS = 60
_PIECE = 1 << 20  # bytes
_MISSING = 404
_REASONS = {
    "NoSuchBucket": "the bucket does not exist; see auth:backupBucket",
    "InvalidAccessKeyId": "the access key is unknown; see auth:backupAccessKey",
    "SignatureDoesNotMatch": "the secret is not the access key's; see auth:backupSecretKey",
    "AccessDenied": "the access key has no right to do this; see the policy of its user",
    "RequestTimeTooSkewed": "the clock of this host is wrong; see `timedatectl`",
}


class MissingObjectError(ReleaseError):
    """The bucket has no object of this key."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An object in the bucket; `size` is in bytes, `modified` in RFC 3339."""

    key: str
    size: int
    modified: str


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket at an endpoint, and the key with rights on it."""

    endpoint: str
    region: str
    name: str
    access_key: str
    secret_key: str

    def list(self, prefix: str, *, seconds: float = _SECONDS) -> Iterator[Stored]:
        """Yield all objects whose keys begin with the prefix, in the order of their keys.

        `seconds` limit the time of each answer.
        """
        token = ""
        while True:
            query = {"list-type": "2", "prefix": prefix}
            if token:
                query["continuation-token"] = token
            page = self._xml(self._call("GET", "", query, seconds=seconds))
            for entry in page.iterfind("{*}Contents"):
                yield Stored(
                    key=entry.findtext("{*}Key", ""),
                    size=int(entry.findtext("{*}Size", "0")),
                    modified=entry.findtext("{*}LastModified", "")[:19] + "Z",
                )
            token = page.findtext("{*}NextContinuationToken", "")
            if not token:
                return

    def check(self) -> None:
        """Raise ReleaseError unless the bucket can be read."""
        self._call("GET", "", {"list-type": "2", "max-keys": "1"})

    def get(self, key: str, *, seconds: float = _SECONDS) -> bytes:
        """Return an object's content; raise MissingObjectError if there is no such object.

        `seconds` limit the time of the answer.
        """
        return self._call("GET", key, seconds=seconds)

    def put(self, key: str, content: bytes) -> None:
        self._call("PUT", key, content=content)

    def download(self, key: str, path: Path) -> None:
        """Write an object's content to a file."""
        self._call("GET", key, into=path)

    def upload(self, key: str, path: Path) -> None:
        """Store a file's content; 5 GB at most, which is the API's limit for a single request."""
        self._call("PUT", key, source=path)

    def _call(
        self,
        method: str,
        key: str,
        query: dict[str, str] | None = None,
        *,
        content: bytes = b"",
        source: Path | None = None,
        into: Path | None = None,
        seconds: float = _SECONDS,
    ) -> bytes:
        url = urlsplit(self.endpoint)
        path = quote(f"{url.path}/{self.name}" + (f"/{key}" if key else ""))
        names = sorted((query or {}).items())
        encoded = "&".join(f"{name}={quote(value, safe='')}" for name, value in names)
        digest = _digest(source) if source else hashlib.sha256(content).hexdigest()
        headers = self._signed(method, url.netloc, path, encoded, digest)
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        connection = kind(url.netloc, timeout=seconds)
        target = f"{path}?{encoded}" if encoded else path
        try:
            if source:
                headers["content-length"] = str(source.stat().st_size)
                with source.open("rb") as file:
                    connection.request(method, target, file, headers)
            else:
                connection.request(method, target, content or None, headers)
            answer = connection.getresponse()
            if answer.status // 100 != 2:  # noqa: PLR2004 - the class of success
                raise self._refusal(method, key, answer.status, answer.read())
            if into is None:
                return answer.read()
            with into.open("wb") as file:
                shutil.copyfileobj(answer, file, _PIECE)
        except (OSError, http.client.HTTPException) as error:
            if getattr(error, "errno", None) == errno.ENOSPC:
                raise  # of this host's disk
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise ReleaseError(
                f"the bucket {self.name} at {self.endpoint} gives no answer: {reason}"
            ) from None
        finally:
            connection.close()
        return b""

    def _signed(self, method: str, host: str, path: str, query: str, digest: str) -> dict[str, str]:
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope = f"{moment[:8]}/{self.region}/s3/aws4_request"
        headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": moment}
        lines = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
        names = ";".join(sorted(headers))
        canonical = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{digest}"
        request = hashlib.sha256(canonical.encode()).hexdigest()
        key = f"AWS4{self.secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{request}"
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        credential = f"Credential={self.access_key}/{scope}"
        return {
            **headers,
            "authorization": (
                f"AWS4-HMAC-SHA256 {credential},SignedHeaders={names},Signature={signature}"
            ),
        }

    def _refusal(self, method: str, key: str, status: int, body: bytes) -> ReleaseError:
        try:
            code = ET.fromstring(body).findtext("{*}Code", "")  # noqa: S314 - of the operator's cloud
        except ET.ParseError:
            code = ""
        if status == _MISSING and code == "NoSuchKey":
            return MissingObjectError(f"the bucket {self.name} has no object {key}")
        reason = _REASONS.get(code, code or "no reason")
        return ReleaseError(
            f"the bucket {self.name} at {self.endpoint} refuses {method}: {reason} (HTTP {status})"
        )

    def _xml(self, body: bytes) -> ET.Element:
        try:
            return ET.fromstring(body)  # noqa: S314 - of the operator's own cloud
        except ET.ParseError:
            raise ReleaseError(f"{self.endpoint} does not answer as an S3 API") from None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
