"""Oracle Cloud identifiers: `ocid1.<type>.oc1.<region>.<60 characters>`."""

import base64
import hashlib
import secrets

REGION = "eu-madrid-1"
_GLOBAL = frozenset({"tenancy", "compartment", "user"})  # their region part is empty


def mint(kind: str) -> str:
    """Return a new OCID of a kind, such as `vcn`."""
    return _ocid(kind, secrets.token_bytes(32))


def derived(kind: str, name: str) -> str:
    """Return the same OCID for the same name each time: for resources that no request creates."""
    return _ocid(kind, hashlib.sha256(f"{kind}/{name}".encode()).digest())


def _ocid(kind: str, entropy: bytes) -> str:
    region = "" if kind in _GLOBAL else REGION
    unique = base64.b32encode(entropy).decode().rstrip("=").lower()
    return f"ocid1.{kind}.oc1.{region}.{unique.rjust(60, 'a')}"
