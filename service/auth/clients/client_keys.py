"""The public keys of clients (RFC 7517), and the JWTs that clients sign with them."""

import warnings
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

# FAPI 2.0 §5.4.1 allows PS256, ES256 and Ed25519; many libraries know RS256 alone
ALGORITHMS = ("ES256", "PS256", "RS256", "EdDSA", "Ed25519")
_SHORTEST_RSA = 2048
_LONGEST = 8192


class _Registry(JWSRegistry):
    # the header of a DPoP proof holds its key, perhaps RSA
    max_header_length = 2048


_REGISTRY = _Registry(algorithms=list(ALGORITHMS))


def read(jwks: dict[str, Any]) -> KeySet:
    """Read a set of public keys; raise ValueError, with the reason, if it can't be registered."""
    try:
        with warnings.catch_warnings():
            # of a short key, which is refused below
            warnings.simplefilter("ignore", SecurityWarning)
            keys = KeySet.import_key_set({"keys": jwks["keys"]})
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise ValueError("is no set of public keys (RFC 7517 §5)") from None
    for key in keys.keys:
        if reason := _refusal(key):
            raise ValueError(reason)
    return keys


def _refusal(key: object) -> str:
    """Return the reason why a key can't be registered, "" for a key that can."""
    if not isinstance(key, ECKey | OKPKey | RSAKey):
        return "must have keys of the types EC, OKP and RSA alone"
    if key.is_private:
        return "must have no private key"
    if isinstance(key, RSAKey) and key.public_key.key_size < _SHORTEST_RSA:
        return f"must have no RSA key with fewer than {_SHORTEST_RSA} bits"
    return ""


def header(token: str) -> dict[str, Any]:
    """Return the header of a JWT, of which nothing is verified; raise ValueError for no JWT."""
    try:
        return dict(jws.extract_compact(token.encode(), registry=_REGISTRY).headers())
    except (JoseError, TypeError, RecursionError):
        raise ValueError("no JWT") from None


def claims(keys: KeySet, token: str) -> dict[str, Any] | None:
    """Return the claims of a JWT that one of the keys signed, None for any other text."""
    if len(token) > _LONGEST:
        return None
    try:
        return dict(jwt.decode(token, keys, registry=_REGISTRY).claims)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        return None
