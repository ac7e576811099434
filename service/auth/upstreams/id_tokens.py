"""The ID tokens of upstreams, and the keys that verify them (OIDC Core §3.1.3.7)."""

import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from auth.upstreams.web import UpstreamError

if TYPE_CHECKING:
    from joserfc.jwk import KeySet  # slow, and most services have no upstream

# the tolerance of clocks, and the longest way of a token to us, in seconds
SKEW, _AGE = 60, 600
_MOST_KEYS = 64
_LONGEST_SUBJECT = 255


def keys(jwks: Mapping[str, Any]) -> "KeySet":
    """Read the public keys of an upstream; keys that can't verify here are ignored (RFC 7517 §5).

    Raise UpstreamError if no key is left.
    """
    from joserfc.jwk import KeySet  # noqa: PLC0415

    from auth.clients import client_keys  # noqa: PLC0415

    usable, every = [], jwks.get("keys")
    for jwk in every[:_MOST_KEYS] if isinstance(every, list) else []:
        try:
            usable += client_keys.read({"keys": [jwk]}).keys
        except ValueError:
            continue
    if not usable:
        raise UpstreamError("the JWKS has no usable key")
    return KeySet(usable)


def is_of(key_set: "KeySet", token: str) -> bool:
    """Return whether the key that an ID token names is in the set; raise UpstreamError for no JWT.

    A token without a `kid` names any key.
    """
    from auth.clients import client_keys  # noqa: PLC0415

    try:
        kid = client_keys.header(token).get("kid")
    except ValueError:
        raise UpstreamError("the ID token is no JWT") from None
    return kid is None or any(key.kid == kid for key in key_set.keys)


def verified(
    key_set: "KeySet", token: str, *, issuer: str, client_id: str, nonce: str, now: float
) -> dict[str, Any]:
    """Return the claims of an ID token that answers this very request; raise UpstreamError.

    The algorithms are asymmetric, so neither `none` nor our own secret verifies a token.
    """
    from auth.clients import client_keys  # noqa: PLC0415

    claims = client_keys.claims(key_set, token)
    if claims is None:
        raise UpstreamError("the ID token's signature is wrong")
    if claims.get("iss") != issuer:
        raise UpstreamError("the ID token has another issuer")
    # other audiences would be clients that we know nothing of
    if claims.get("aud") not in (client_id, [client_id]):
        raise UpstreamError("the ID token is for another client")
    if claims.get("azp", client_id) != client_id:
        raise UpstreamError("the ID token was issued to another client")
    expires_at, issued_at = _time(claims, "exp"), _time(claims, "iat")
    if expires_at is None or expires_at <= now - SKEW:
        raise UpstreamError("the ID token is expired")
    if issued_at is None or not now - _AGE <= issued_at <= now + SKEW:
        raise UpstreamError("the ID token is not of this moment")
    sent = claims.get("nonce")
    if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), nonce.encode()):
        raise UpstreamError("the ID token answers another request")
    if not is_subject(claims.get("sub")):
        raise UpstreamError("the ID token names no user")
    return claims


def is_subject(value: object) -> bool:
    """Return whether a value may name a user (OIDC Core §2: ASCII, at most 255 characters)."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= _LONGEST_SUBJECT
        and value.isascii()
        and value.isprintable()
    )


def authenticated_at(claims: Mapping[str, Any], now: float) -> float | None:
    """Return the time of the user's sign-in at the upstream, None if it does not say."""
    at = _time(claims, "auth_time")
    return None if at is None or at <= 0 else min(at, now)


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
