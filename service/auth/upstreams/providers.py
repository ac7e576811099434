"""The contract of upstreams: an attempt to sign in, its user, and the requests of a provider."""

from dataclasses import dataclass
from typing import Protocol

from auth.upstreams.configuration import Upstream


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """A sign-in with an upstream that has begun; `is_fresh` if the user has to sign in there anew.

    `nonce` and `verifier` are made of a secret of the browser: neither is stored.
    """

    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    is_fresh: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class UpstreamUser:
    """The user as the upstream knows them.

    `email` is an address that the upstream confirmed, else "". `authenticated_at` is the time of
    the sign-in there, in Unix seconds, None if the upstream does not say.
    """

    issuer: str
    subject: str
    email: str
    name: str
    authenticated_at: float | None


class Provider(Protocol):
    """An upstream with the requests to it; each raises UpstreamError."""

    upstream: Upstream

    async def address(self, attempt: Attempt) -> str:
        """Return the address that begins the sign-in there."""
        ...

    async def has_sent(self, issuer: str | None) -> bool:
        """Return whether an answer with this `iss` may be from the upstream (RFC 9207 §2.4)."""
        ...

    async def user(self, attempt: Attempt, code: str) -> UpstreamUser:
        """Trade an authorization code for its user."""
        ...
