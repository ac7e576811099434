"""The private keys of the configuration: their checks, and their public halves."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

if TYPE_CHECKING:
    import pulumi

_Key = TypeVar("_Key")


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """An ed25519 key: the private half is a secret in OpenSSH format, the public half a line."""

    private: "pulumi.Output[str]"
    public: str


def ed25519_public(private_key: str) -> str:
    """Return the public half of an OpenSSH private key, as a line of authorized_keys.

    Raise ValueError unless it is an ed25519 key without a passphrase. The SSH client of the command
    provider can't pin other kinds: it asks for an RSA key by SHA-1, which sshd refuses.
    """
    key = _parsed(private_key, serialization.load_ssh_private_key)
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise ValueError("it is a key of another kind")  # noqa: TRY004 - callers expect ValueError alone
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        .decode()
    )


def is_public(line: str) -> bool:
    """Check whether the text is a public SSH key, as a line without options."""
    try:
        serialization.load_ssh_public_key(line.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        return False
    return "\n" not in line.strip()


def check_p256(private_key: str) -> None:
    """Raise ValueError unless the PEM text is an unencrypted EC private key on P-256 (ES256)."""
    key = _parsed(private_key, serialization.load_pem_private_key)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise ValueError("it is a key of another kind")


def api_key_fingerprint(private_key: str) -> str:
    """Return the name that Oracle gives the public half of an API key: its MD5, in hexadecimal.

    Raise ValueError unless the PEM text is an unencrypted RSA private key.
    Source: https://docs.oracle.com/en-us/iaas/Content/API/Concepts/apisigningkey.htm
    """
    key = _parsed(private_key, serialization.load_pem_private_key)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("it is a key of another kind")  # noqa: TRY004 - callers expect ValueError alone
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.md5(public, usedforsecurity=False).digest().hex(":")


def _parsed(private_key: str, load: Callable[..., _Key]) -> _Key:
    """Return the key of a text without a passphrase; raise ValueError for any other text."""
    try:
        return load(private_key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # the library's message may quote the input, which is a secret
        raise ValueError("it can't be read, or it has a passphrase") from error
