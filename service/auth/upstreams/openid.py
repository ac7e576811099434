"""An OpenID Provider as an upstream: discovery, a code with PKCE, the ID token, userinfo."""

import asyncio
import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote_plus, urlencode

from auth.crypto import secret_tokens
from auth.thread_pool import FullError, Pool
from auth.upstreams import configuration, id_tokens, web
from auth.upstreams.configuration import Upstream
from auth.upstreams.providers import Attempt, UpstreamUser
from auth.upstreams.web import UpstreamError

if TYPE_CHECKING:
    from joserfc.jwk import KeySet  # slow, and most services have no upstream

Answer = TypeVar("Answer")

SCOPE = "openid email profile"
_CACHED_SECONDS = 3600.0
# of keys, if a token names another key; and of the answer that there is none
_PAUSE_SECONDS = 60.0
_FAILED_SECONDS = 5.0
BASIC, POST = "client_secret_basic", "client_secret_post"


@dataclass(frozen=True, kw_only=True, slots=True)
class Metadata:
    """The part of an upstream's discovery document that a sign-in uses; `userinfo` may be ""."""

    authorization: str
    token: str
    userinfo: str
    jwks: str
    sends_issuer: bool
    authentication: str


class OpenIdProvider:
    """Signs users in with an OpenID Provider; keeps its metadata and keys for an hour."""

    def __init__(self, upstream: Upstream, secret: str, pool: Pool) -> None:
        self.upstream = upstream
        self._secret, self._pool = secret, pool
        self._lock = asyncio.Lock()
        self._metadata: Metadata | None = None
        self._keys: KeySet | None = None
        self._read_at = self._keys_read_at = self._failed_at = float("-inf")

    async def address(self, attempt: Attempt) -> str:
        query = {
            "client_id": self.upstream.client_id,
            "redirect_uri": attempt.redirect_uri,
            "response_type": "code",
            "scope": SCOPE,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": secret_tokens.hashed(attempt.verifier),
            "code_challenge_method": "S256",
        }
        if attempt.is_fresh:
            # with `max_age`, the ID token has to say when the user signed in (OIDC Core §2)
            query |= {"prompt": "login", "max_age": "0"}
        endpoint = (await self._described()).authorization
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def has_sent(self, issuer: str | None) -> bool:
        if issuer is None:
            return not (await self._described()).sends_issuer
        return issuer == self.upstream.issuer

    async def user(self, attempt: Attempt, code: str) -> UpstreamUser:
        metadata = await self._described()
        tokens = await self._run(lambda: self._traded(metadata, attempt, code))
        token, now = tokens.get("id_token"), time.time()
        if not isinstance(token, str):
            raise UpstreamError("there is no ID token")
        claims = id_tokens.verified(
            await self._keys_of(metadata, token),
            token,
            issuer=self.upstream.issuer,
            client_id=self.upstream.client_id,
            nonce=attempt.nonce,
            now=now,
        )
        about = claims
        if "email" not in claims and metadata.userinfo:
            access_token = str(tokens.get("access_token", ""))
            about = await self._run(lambda: _userinfo(metadata.userinfo, access_token))
            if about.get("sub") != claims["sub"]:
                raise UpstreamError("userinfo is about another user")
        return UpstreamUser(
            issuer=self.upstream.issuer,
            subject=claims["sub"],
            email=text_of(about, "email") if about.get("email_verified") is True else "",
            name=text_of(about, "name"),
            authenticated_at=id_tokens.authenticated_at(claims, now),
        )

    def _traded(self, metadata: Metadata, attempt: Attempt, code: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        if metadata.authentication == POST:
            credentials = {"client_id": self.upstream.client_id, "client_secret": self._secret}
            return web.fetch_object(metadata.token, form=form | credentials)
        pair = f"{quote_plus(self.upstream.client_id)}:{quote_plus(self._secret)}"
        basic = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        return web.fetch_object(metadata.token, form=form, headers=basic)

    async def _described(self) -> Metadata:
        """Return the upstream's metadata; a failure counts for some seconds for everybody."""
        async with self._lock:
            now = time.monotonic()
            if self._metadata is None or now - self._read_at > _CACHED_SECONDS:
                if now - self._failed_at < _FAILED_SECONDS:
                    raise UpstreamError("discovery failed a moment ago")
                try:
                    self._metadata = await self._run(lambda: discovered(self.upstream.issuer))
                except UpstreamError:
                    self._failed_at = time.monotonic()
                    raise
                self._read_at = time.monotonic()
            return self._metadata

    async def _keys_of(self, metadata: Metadata, token: str) -> "KeySet":
        """Return the upstream's keys, read anew if the token names another key."""
        async with self._lock:
            age = time.monotonic() - self._keys_read_at
            known = self._keys is not None and id_tokens.is_of(self._keys, token)
            if self._keys is None or age > (_CACHED_SECONDS if known else _PAUSE_SECONDS):
                self._keys = await self._run(
                    lambda: id_tokens.keys(web.fetch_object(metadata.jwks))
                )
                self._keys_read_at = time.monotonic()
            return self._keys

    async def _run(self, work: Callable[[], Any]) -> Any:
        return await run(self._pool, work)


async def run(pool: Pool, work: Callable[[], Answer]) -> Answer:
    """Do requests in a thread; raise UpstreamError without a free place."""
    try:
        return await pool.run(work)
    except FullError:
        raise UpstreamError("too many requests at once") from None


def discovered(issuer: str) -> Metadata:
    """Fetch and check the metadata of an issuer (OIDC Discovery §4), in this thread."""
    found = web.fetch_object(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if found.get("issuer") != issuer:
        raise UpstreamError("the discovery document is of another issuer")
    endpoints = {
        name: text_of(found, name)
        for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
    }
    plain_http = issuer.startswith("http://")
    for name, url in endpoints.items():
        if (url or name != "userinfo_endpoint") and configuration.unusable(
            url, plain_http=plain_http
        ):
            raise UpstreamError(f"{name} can't be used")
    methods = found.get("token_endpoint_auth_methods_supported") or [BASIC]
    return Metadata(
        authorization=endpoints["authorization_endpoint"],
        token=endpoints["token_endpoint"],
        userinfo=endpoints["userinfo_endpoint"],
        jwks=endpoints["jwks_uri"],
        sends_issuer=found.get("authorization_response_iss_parameter_supported") is True,
        authentication=BASIC if BASIC in methods else POST,
    )


def text_of(values: Mapping[str, Any], name: str) -> str:
    """Return a value that is a text, "" for anything else."""
    value = values.get(name)
    return value.strip() if isinstance(value, str) else ""


def _userinfo(url: str, access_token: str) -> dict[str, Any]:
    return web.fetch_object(url, headers={"Authorization": f"Bearer {access_token}"})
