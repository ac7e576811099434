"""The account at a CA that issues certificates by ACME: its thumbprint answers challenges."""

import base64
import hashlib
import json

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from components import keys

_COORDINATE_BYTES = 32


def thumbprint(private_key: str) -> str:
    """Return the thumbprint of an account's key (RFC 7638), which is not secret.

    The key is an EC private key on P-256 in PEM. Raise ValueError for another text.
    """
    keys.check_p256(private_key)
    key = serialization.load_pem_private_key(private_key.encode(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the key was checked")
    point = key.public_key().public_numbers()
    # section 3.2: the required members alone, in this order and without spaces
    members = {
        "crv": "P-256",
        "kty": "EC",
        "x": _base64url(point.x.to_bytes(_COORDINATE_BYTES)),
        "y": _base64url(point.y.to_bytes(_COORDINATE_BYTES)),
    }
    text = json.dumps(members, separators=(",", ":"))
    return _base64url(hashlib.sha256(text.encode()).digest())


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
