"""Opaque secrets: clients keep a secret, the database keeps its hash."""

import base64
import hashlib
import secrets

_BYTES = 32


def make() -> str:
    """Make 256 random bits, in base64url: too many to guess, so a plain hash keeps them safe."""
    return secrets.token_urlsafe(_BYTES)


def hashed(token: str) -> str:
    """Return the SHA-256 of a token, in base64url: 43 characters."""
    digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
