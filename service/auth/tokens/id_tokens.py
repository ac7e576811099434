"""ID tokens: the facts about a user's sign-in for an application (OIDC Core §2)."""

import base64
import hashlib
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from auth.storage.accounts import Account
from auth.storage.sessions import Session
from auth.tokens.access_tokens import TokenError, Tokens
from auth.tokens.requested_claims import RequestedClaims
from auth.tokens.signing_keys import ED25519

TYPE = "JWT"
# every claim of an ID token and of userinfo; the discovery document lists them
CLAIMS = "iss sub aud exp iat auth_time nonce acr amr at_hash sid name email email_verified"
# NIST SP 800-63B's levels: a single factor, or more
ONE_FACTOR, TWO_FACTORS = "aal1", "aal2"


@dataclass(frozen=True, slots=True)
class Hint:
    """The sign-in behind an ID token of ours, which may have expired long ago."""

    subject: str
    client_id: str
    session_id: str


def issue(
    tokens: Tokens,
    account: Account,
    session: Session,
    *,
    access_token: str,
    nonce: str | None,
    algorithm: str,
) -> str:
    """Sign an ID token: the claims about the account are those that were asked for by name.

    The claims of the scopes are at userinfo: there always is an access token (OIDC Core §5.4).
    `algorithm` is RS256, or "" for that of the key that signs access tokens.
    """
    now = int(time.time())
    amr = session.amr.split()
    asked = RequestedClaims.stored(session.requested_claims)
    reached = levels(amr)
    key = tokens.keys.current(algorithm)
    claims: dict[str, Any] = {
        "iss": tokens.issuer,
        "sub": account.id,
        "aud": session.client_id,
        "exp": now + tokens.seconds,
        "iat": now,
        "acr": asked.level(reached) or reached[0],
        "amr": amr,
        "sid": session.id,
        "at_hash": _half_hash(access_token, key.algorithm),
        **about(account, asked.id_token),
    }
    if session.authenticated_at:
        # an upstream may not have said; then a request with `max_age` is not answered
        claims["auth_time"] = int(session.authenticated_at)
    if nonce is not None:
        claims["nonce"] = nonce
    return tokens.sign(claims, key, kind=TYPE)


def about(account: Account, names: Collection[str]) -> dict[str, Any]:
    """Return these claims about the account; a claim that it does not have is left out."""
    claims = {
        "name": account.name or None,
        "email": account.email,
        "email_verified": account.email_verified_at is not None,
    }
    return {name: value for name, value in claims.items() if name in names and value is not None}


def levels(amr: Sequence[str]) -> tuple[str, ...]:
    """Return the levels that a sign-in reaches, the highest first."""
    return (TWO_FACTORS, ONE_FACTOR) if "mfa" in amr else (ONE_FACTOR,)


def hint(tokens: Tokens, token: str) -> Hint | None:
    """Read an ID token that comes back to us; None for any other token."""
    try:
        claims = tokens.signed_by_us(token, kind=TYPE)
    except TokenError:
        return None
    values = [claims.get(name) for name in ("sub", "aud", "sid")]
    if claims.get("iss") != tokens.issuer or not all(isinstance(value, str) for value in values):
        return None
    return Hint(*map(str, values))


def _half_hash(token: str, algorithm: str) -> str:
    """Return the left half of the token's hash, by the hash that the signature uses (§3.1.3.6)."""
    used = hashlib.sha512 if algorithm == ED25519 else hashlib.sha256
    digest = used(token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
