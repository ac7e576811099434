"""The registry's description of an image, before a pull.

The Docker Registry HTTP API V2, https://distribution.github.io/distribution/spec/api/, and its
token authentication, https://distribution.github.io/distribution/spec/auth/token/.
"""

import base64
import email.utils
import http.client
import ipaddress
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from .desired import Desired
from .errors import ReleaseError

_SECONDS = 20
_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


@dataclass(frozen=True, kw_only=True)
class Offer:
    """An image in the registry; `clock` is the lead of this host's clock over it, in seconds."""

    size: int  # bytes, compressed
    architectures: frozenset[str]
    clock: float


def look_up(desired: Desired) -> Offer:
    """Ask the registry for the image's manifest, with the login of the pull.

    Raises ReleaseError if the registry can't be reached, refuses the login, or lacks the image.
    """
    try:
        return _Client(desired).offer()
    except (KeyError, TypeError, AttributeError):
        server = desired.image.partition("/")[0]
        raise ReleaseError(f"{server} does not answer with an image's manifest") from None


class _RefusedError(Exception):
    """The registry answered with an error status."""

    def __init__(self, code: int, challenge: str) -> None:
        super().__init__(code)
        self.code, self.challenge = code, challenge


class _Client:
    def __init__(self, desired: Desired) -> None:
        self._desired = desired
        server, _, rest = desired.image.partition("/")
        self._name, _, self._digest = rest.partition("@")
        self._server = server
        self._base = f"{_scheme(server)}://{server}/v2/{self._name}"
        login = f"{desired.registry.username}:{desired.registry.password}"
        self._basic = "Basic " + base64.b64encode(login.encode()).decode()
        self._authorization = ""
        self._clock = 0.0

    def offer(self) -> Offer:
        manifest = self._get(f"/manifests/{self._digest}")
        if "manifests" in manifest:  # an image for each platform
            listed = [entry for entry in manifest["manifests"] if "platform" in entry]
            return Offer(
                size=0,
                architectures=frozenset(entry["platform"]["architecture"] for entry in listed),
                clock=self._clock,
            )
        config = self._get(f"/blobs/{manifest['config']['digest']}")
        return Offer(
            size=sum(layer["size"] for layer in manifest["layers"]),
            architectures=frozenset({config["architecture"]}),
            clock=self._clock,
        )

    def _get(self, path: str) -> Any:
        try:
            return self._fetch(self._base + path, self._authorization)
        except _RefusedError as refused:
            if refused.code != HTTPStatus.UNAUTHORIZED or self._authorization:
                raise self._refusal(refused.code) from None
            challenge = refused.challenge
        self._authorization = self._authorize(challenge)
        try:
            return self._fetch(self._base + path, self._authorization)
        except _RefusedError as refused:
            raise self._refusal(refused.code) from None

    def _authorize(self, challenge: str) -> str:
        kind, _, rest = challenge.partition(" ")
        if kind.lower() != "bearer":
            return self._basic
        fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        query = {"service": fields.get("service", ""), "scope": f"repository:{self._name}:pull"}
        url = f"{fields.get('realm', '')}?{urllib.parse.urlencode(query)}"
        if _scheme(self._server) == "https" and not url.startswith("https://"):
            raise ReleaseError(f"{self._server} sends the login to {url}, which is not encrypted")
        try:
            answer = self._fetch(url, self._basic)
        except _RefusedError as refused:
            raise self._refusal(refused.code) from None
        return f"Bearer {answer.get('token') or answer['access_token']}"

    def _fetch(self, url: str, authorization: str) -> Any:
        request = urllib.request.Request(url, headers={"Accept": ", ".join(_TYPES)})  # noqa: S310 - http(s)
        if authorization:
            # a registry may redirect to a store, which must not see the login
            request.add_unredirected_header("Authorization", authorization)
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                date = answer.headers.get("Date")
                if date and url.startswith(self._base):
                    registry_time = email.utils.parsedate_to_datetime(date).timestamp()
                    self._clock = time.time() - registry_time
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                challenge = error.headers.get("WWW-Authenticate", "")
                raise _RefusedError(error.code, challenge) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise ReleaseError(
                f"the registry {self._server} can't be reached from this host: {reason}"
            ) from None

    def _refusal(self, code: int) -> ReleaseError:
        if code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return ReleaseError(
                f"{self._server} refuses the login of {self._desired.registry.username!r} "
                f"(HTTP {code}). Is auth:registryPullPassword still valid, and may it read "
                f"{self._name}? Set another: "
                "pulumi config set --secret auth:registryPullPassword < FILE"
            )
        if code == HTTPStatus.NOT_FOUND:
            return ReleaseError(
                f"{self._server} has no image {self._name}@{self._digest}: was it deleted there?"
            )
        return ReleaseError(f"{self._server} answers HTTP {code} for {self._name}")


def _scheme(server: str) -> str:
    """Choose the scheme as Docker does: a registry on the loopback need not encrypt."""
    try:
        local = ipaddress.ip_address(server.partition(":")[0]).is_loopback
    except ValueError:
        local = server.partition(":")[0] == "localhost"
    return "http" if local else "https"
