"""Signing in with an upstream: the way there, and the proof that the user brings back.

The state of an attempt is a challenge of ours, good once and in the browser alone that began it.
Nonce and verifier are made of it and of a secret in that browser's cookie, so the database holds
neither.
"""

import hmac
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

from auth.crypto import secret_tokens
from auth.errors import Code, ProblemError
from auth.languages.messages import Message
from auth.protection.limits import Action
from auth.service import Service
from auth.sign_in import admission, challenges
from auth.storage import challenges as stored_challenges
from auth.storage.challenges import Purpose
from auth.telemetry.audit import Event
from auth.upstreams.configuration import Upstream
from auth.upstreams.id_tokens import SKEW
from auth.upstreams.providers import Attempt, Provider, UpstreamUser
from auth.upstreams.web import UpstreamError

LOG = logging.getLogger("auth")
# the method of a sign-in at an upstream; RFC 8176 has no name for it
METHOD = "fed"
# a password, a second factor and a mail, there
SECONDS = 600


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """A user who comes back from an upstream; `target` is the page that they wanted.

    `links` if they are signed in here, and want another way to sign in. `is_stale` if a new sign-in
    was asked for, and the upstream does not prove one: only a second factor of ours does then.
    """

    user: UpstreamUser
    target: str
    links: bool
    is_stale: bool


def provider_of(service: Service, upstream_id: str) -> Provider:
    """Return a configured upstream; raise NOT_FOUND without such an upstream."""
    provider = service.upstreams.find(upstream_id)
    if provider is None:
        raise ProblemError(Code.NOT_FOUND)
    return provider


async def begin(
    service: Service,
    provider: Provider,
    *,
    browser: str,
    target: str,
    is_fresh: bool,
    links: bool,
) -> str:
    """Return the upstream's address for a new attempt; `browser` is the secret of its cookie.

    Raise UNAVAILABLE if the upstream can't be reached.
    """
    await service.limits.take(Action.LOGIN)
    data = {
        "upstream": provider.upstream.id,
        "browser": secret_tokens.hashed(browser),
        "target": target,
        "fresh": "1" if is_fresh else "",
        "links": "1" if links else "",
    }
    state = await challenges.issue(service, Purpose.UPSTREAM, None, data, seconds=SECONDS)
    try:
        return await provider.address(
            _attempt(service, provider.upstream, browser, state, is_fresh=is_fresh)
        )
    except UpstreamError as error:
        raise await _failed(service, provider.upstream, error) from None


async def finish(
    service: Service, provider: Provider, *, browser: str, answer: Mapping[str, str]
) -> Arrival:
    """Return the user that an answer of the upstream proves, the first time that it comes.

    Raise a ProblemError: INVALID_CHALLENGE for the answer to no attempt of this browser,
    INVALID_CREDENTIALS if the upstream refused or proves nobody, UNAVAILABLE if it gave no answer.
    """
    await service.limits.take(Action.LOGIN)
    upstream, state = provider.upstream, answer.get("state", "")
    challenge = await challenges.find(service, Purpose.UPSTREAM, state)
    data = json.loads(challenge.data)
    is_ours = hmac.compare_digest(data["browser"], secret_tokens.hashed(browser))
    # RFC 9700 §4.4.2: an upstream must not answer for another
    if not browser or not is_ours or data["upstream"] != upstream.id:
        raise ProblemError(Code.INVALID_CHALLENGE)
    if not await service.database.write(stored_challenges.use, challenge.hash, time.time()):
        raise ProblemError(Code.INVALID_CHALLENGE)
    attempt = _attempt(service, upstream, browser, state, is_fresh=bool(data["fresh"]))
    try:
        user = await _user(provider, attempt, answer)
    except UpstreamError as error:
        raise await _failed(service, upstream, error) from None
    if user is None:
        await admission.refused(service, Event.LOGIN, None, "upstream refused")
        raise ProblemError(
            Code.INVALID_CREDENTIALS,
            detail=Message("%(upstream)s did not sign you in.", upstream=upstream.name),
        )
    signed_in_at = user.authenticated_at or 0
    return Arrival(
        user=user,
        target=data["target"],
        links=bool(data["links"]),
        is_stale=attempt.is_fresh and signed_in_at < challenge.created_at - SKEW,
    )


def too_old(upstream: Upstream) -> ProblemError:
    """Return the refusal of a user who has to sign in again, and of whom nothing proves that."""
    return ProblemError(
        Code.REAUTHENTICATION_REQUIRED,
        detail=Message(
            "This needs a recent login, and %(upstream)s does not say when you signed "
            "in there. Sign in with your password or a passkey.",
            upstream=upstream.name,
        ),
    )


async def _user(
    provider: Provider, attempt: Attempt, answer: Mapping[str, str]
) -> UpstreamUser | None:
    """Return the user of an answer, None if the answer is a refusal; raise UpstreamError."""
    if not await provider.has_sent(answer.get("iss")):
        raise UpstreamError("the answer is of another issuer")
    code = answer.get("code")
    return await provider.user(attempt, code) if code else None


def callback(service: Service, upstream: Upstream) -> str:
    """Return the redirect URI of an upstream; each has its own (RFC 9700 §4.4.2.2)."""
    return f"{service.settings.issuer}/sign-in/with/{upstream.id}/callback"


def _attempt(
    service: Service, upstream: Upstream, browser: str, state: str, *, is_fresh: bool
) -> Attempt:
    return Attempt(
        state=state,
        nonce=secret_tokens.hashed(f"nonce {browser} {state}"),
        verifier=secret_tokens.hashed(f"verifier {browser} {state}"),
        redirect_uri=callback(service, upstream),
        is_fresh=is_fresh,
    )


async def _failed(service: Service, upstream: Upstream, error: UpstreamError) -> ProblemError:
    LOG.warning("upstream", extra={"upstream": upstream.id, "reason": str(error)})
    await admission.refused(service, Event.LOGIN, None, "upstream failed")
    return ProblemError(
        Code.UNAVAILABLE,
        detail=Message(
            "%(upstream)s gave no usable answer. Try again later, or sign in another way.",
            upstream=upstream.name,
        ),
    )
