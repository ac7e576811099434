"""Access tokens: JWTs for APIs (RFC 9068), and their verification."""

import base64
import binascii
import json
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from auth.tokens.first_party import FIRST_PARTY
from auth.tokens.signing_keys import ALGORITHMS, RS256, KeySet, SigningKey

TYPE = "at+jwt"
_LEEWAY_SECONDS = 5
_REMEMBERED = 4096
_LONGEST = 8192


class TokenError(Exception):
    """The token is not ours, or not valid now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claims:
    """The claims of an access token. Times are Unix seconds; no session is `session_id` ""."""

    subject: str
    client_id: str
    session_id: str
    scope: str
    token_id: str
    issued_at: int
    expires_at: int
    kid: str
    # the thumbprint of the key that has to be proven (RFC 9449 §6.1), "" for a bearer token
    dpop_key: str


class Tokens:
    """Issues and verifies tokens of an issuer for an audience.

    A verified token is remembered until it expires, since checking its signature costs more than
    all the rest of a request. Whether its account and session still count is not remembered: the
    database answers that each time.
    """

    def __init__(
        self,
        keys: KeySet,
        *,
        issuer: str,
        audience: str,
        seconds: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self.issuer, self.audience = issuer, audience
        self.seconds = seconds
        self._now = now
        self._verified: OrderedDict[str, Claims] = OrderedDict()
        self._registry = JWSRegistry(algorithms=[*ALGORITHMS, RS256])
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(self._now()),
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )

    @property
    def keys(self) -> KeySet:
        return self._keys

    @keys.setter
    def keys(self, keys: KeySet) -> None:
        self._keys = keys
        self._verified.clear()

    def issue(
        self,
        subject: str,
        *,
        client_id: str = FIRST_PARTY,
        session_id: str = "",
        scope: str = "",
        amr: Sequence[str] = (),
        authenticated_at: float | None = None,
        audience: str = "",
        dpop_key: str | None = None,
    ) -> str:
        """Sign an access token (RFC 9068 §2.2)."""
        now = int(self._now())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": audience or self.audience,
            "sub": subject,
            "client_id": client_id,
            "iat": now,
            "nbf": now,
            "exp": now + self.seconds,
            "jti": uuid.uuid4().hex,
        }
        if dpop_key:
            claims["cnf"] = {"jkt": dpop_key}
        if session_id:
            claims["sid"] = session_id
        if scope:
            claims["scope"] = scope
        if amr:
            claims["amr"] = list(amr)
        if authenticated_at:
            claims["auth_time"] = int(authenticated_at)
        return self.sign(claims, self._keys.current(), kind=TYPE)

    def sign(self, claims: dict[str, Any], key: SigningKey, *, kind: str) -> str:
        """Sign a JWT of the type `kind`."""
        header = {"alg": key.algorithm, "typ": kind, "kid": key.kid}
        return jwt.encode(header, claims, key.pair, registry=self._registry)

    def verify(self, token: str) -> Claims:
        """Return the claims of a token of ours; raise TokenError for any other."""
        claims = self._verified.get(token)
        if claims is None:
            claims = self._checked(token)
            self._verified[token] = claims
            if len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)
        elif self._now() >= claims.expires_at + _LEEWAY_SECONDS or not self._keys.find(claims.kid):
            self._verified.pop(token, None)
            raise TokenError("expired")
        return claims

    def signed_by_us(self, token: str, *, kind: str) -> dict[str, Any]:
        """Return the claims of a JWT of the type `kind` that we signed, even if it has expired."""
        try:
            key = self._key(token, kind, self._keys.find_past)
            return jwt.decode(token, key.pair, registry=self._registry).claims
        except (JoseError, ValueError, TypeError) as error:
            raise TokenError(str(error)) from None

    def _checked(self, token: str) -> Claims:
        key = self._key(token, TYPE, self._keys.find)
        try:
            decoded = jwt.decode(token, key.pair, registry=self._registry)
            self._claims.validate(decoded.claims)
        except (JoseError, ValueError, TypeError) as error:
            raise TokenError(str(error)) from None
        claims = decoded.claims
        return Claims(
            subject=_text(claims, "sub"),
            client_id=_text(claims, "client_id"),
            session_id=_text(claims, "sid"),
            scope=_text(claims, "scope"),
            token_id=_text(claims, "jti"),
            issued_at=int(claims["iat"]),
            expires_at=int(claims["exp"]),
            kid=key.kid,
            dpop_key=_text(claims.get("cnf", {}), "jkt"),
        )

    @staticmethod
    def _key(token: str, kind: str, find: Callable[[str], SigningKey | None]) -> SigningKey:
        """Return the key that a token names; raise TokenError if the token does not fit the key."""
        header = _header(token)
        key = find(str(header.get("kid")))
        if key is None:
            raise TokenError("the key is unknown")
        # the key decides the algorithm, never the token (RFC 8725 §3.1)
        if header.get("alg") != key.algorithm:
            raise TokenError("the algorithm is not the key's")
        if header.get("typ") != kind:
            raise TokenError("the JWT has another type")
        return key


def unknown_kid(token: str, keys: KeySet) -> bool:
    """Return whether a token names a key that is not here, such as a key of another process."""
    try:
        kid = _header(token).get("kid")
    except TokenError:
        return False
    return isinstance(kid, str) and kid not in keys.kids


def _header(token: str) -> dict[str, Any]:
    first = token.partition(".")[0]
    try:
        if len(token) > _LONGEST:
            raise TokenError("too long")
        header = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        raise TokenError("no JWT") from None
    if not isinstance(header, dict):
        raise TokenError("no JWT")
    return header


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str):
        raise TokenError(f"the claim {name} is not a text")
    return value
