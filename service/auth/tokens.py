"""Access tokens: JWTs for APIs (RFC 9068), signed with ES256, and the keys to verify them."""

import time
import uuid
from collections.abc import Callable
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry

from auth.settings import SettingsError

TYPE = "at+jwt"
ALGORITHM = "ES256"
_LEEWAY_SECONDS = 5


class TokenError(Exception):
    """The token is not one of ours, or not valid now."""


class Tokens:
    """Issues and verifies tokens of one issuer for one audience."""

    def __init__(
        self,
        signing_key: str,
        *,
        issuer: str,
        audience: str,
        seconds: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._key = _load(signing_key)
        self._issuer, self._audience = issuer, audience
        self.seconds = seconds
        self._now = now
        self._registry = JWSRegistry(algorithms=[ALGORITHM])
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(self._now()),
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )

    def issue(self, subject: str) -> str:
        """Sign a token for an account."""
        now = int(self._now())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": subject,
            "iat": now,
            "nbf": now,
            "exp": now + self.seconds,
            "jti": uuid.uuid4().hex,
        }
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": self._key.kid}
        return jwt.encode(header, claims, self._key, registry=self._registry)

    def verify(self, token: str) -> str:
        """Give the account that the token was issued for; raise TokenError for any other token."""
        try:
            decoded = jwt.decode(token, self._key, registry=self._registry)
            if decoded.header.get("typ") != TYPE:
                raise TokenError("this is a JWT of another type")
            self._claims.validate(decoded.claims)
        except (JoseError, ValueError, TypeError) as error:
            raise TokenError(str(error)) from None
        return str(decoded.claims["sub"])

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """Give the public keys that verify what `issue` signs (RFC 7517)."""
        return {"keys": [dict(self._key.as_dict(private=False))]}


def _load(signing_key: str) -> ECKey:
    """Read the key, named by its own thumbprint (RFC 7638); raise SettingsError, not showing it."""
    refused = SettingsError(
        "The service can't start:\n  AUTH_SIGNING_KEY is no private EC key on P-256. Make one "
        "with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"
    )
    try:
        key = ECKey.import_key(signing_key, {"use": "sig", "alg": ALGORITHM})
    except (JoseError, ValueError, TypeError):
        raise refused from None  # the reason may quote the key
    if key.curve_name != "P-256" or not key.is_private:
        raise refused
    return ECKey.import_key(signing_key, {"use": "sig", "alg": ALGORITHM, "kid": key.thumbprint()})
