"""Proofs of possession: a client shows with each request that it has a key (DPoP, RFC 9449).

The service asks for no nonce: a proof counts for a minute, and once.
"""

import time
from urllib.parse import urlsplit

from fastapi import Request

from auth.authorization.errors import OAuthError
from auth.clients import client_keys
from auth.crypto import secret_tokens
from auth.service import Service
from auth.storage import client_assertions

HEADER = "dpop"
SCHEME = "DPoP"
_TYPE = "dpop+jwt"
# the clocks of clients are wrong in both directions
_SECONDS = 60
_LONGEST_ID = 512
_PORTS = {"https": 443, "http": 80}


async def key_of(service: Service, request: Request, access_token: str = "") -> str | None:
    """Return the thumbprint of the key that a request proves, None without a proof.

    With an `access_token` the proof has to be for that token as well. Raise OAuthError
    `invalid_dpop_proof` for a proof that is wrong, too old, or came before (RFC 9449 §4.3).
    """
    proofs = request.headers.getlist(HEADER)
    if not proofs:
        return None
    refused = OAuthError("invalid_dpop_proof", "The DPoP proof is wrong, too old, or was used.")
    if len(proofs) > 1:
        raise refused
    try:
        header = client_keys.header(proofs[0])
        keys = client_keys.read({"keys": [header.get("jwk")]})
    except ValueError:
        raise refused from None
    claims = client_keys.claims(keys, proofs[0]) if header.get("typ") == _TYPE else None
    if claims is None:
        raise refused
    issued_at, identity, now = claims.get("iat"), claims.get("jti"), time.time()
    if not isinstance(issued_at, int | float) or not now - _SECONDS < issued_at < now + _SECONDS:
        raise refused
    if not isinstance(identity, str) or not 0 < len(identity) <= _LONGEST_ID:
        raise refused
    here = service.settings.issuer + request.url.path
    if claims.get("htm") != request.method or _address(claims.get("htu")) != _address(here):
        raise refused
    # our hashes are those of `ath`: SHA-256 in base64url
    if access_token and claims.get("ath") != secret_tokens.hashed(access_token):
        raise refused
    thumbprint = keys.keys[0].thumbprint()
    is_new = await service.database.write(
        client_assertions.use,
        secret_tokens.hashed(f"{HEADER} {thumbprint} {identity}"),
        expires_at=issued_at + _SECONDS,
        now=now,
    )
    if not is_new:
        raise refused
    return thumbprint


def _address(uri: object) -> tuple[str, str | None, int | None, str] | None:
    """Return the parts of a URI that `htu` is compared by, None for no URI (RFC 9449 §4.3)."""
    if not isinstance(uri, str):
        return None
    try:
        parts = urlsplit(uri)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    return parts.scheme, parts.hostname, port, parts.path
