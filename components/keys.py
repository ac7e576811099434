"""Keys as the configuration carries them: read, checked, and their public halves derived."""

from dataclasses import dataclass

import pulumi
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """An ed25519 key: the private half a secret in OpenSSH format, the public half one line."""

    private: pulumi.Output[str]
    public: str


def ed25519_public(private_key: str) -> str:
    """Derive the public half, as one line of authorized_keys, from an OpenSSH private key.

    Ed25519 only: it is what the SSH client of the command provider can pin (an RSA host key would
    be offered with SHA-1, which sshd refuses). Raises ValueError.
    """
    try:
        key = serialization.load_ssh_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # the library's message may quote the input, which is a secret
        raise ValueError("this can't be read as one, or it has a passphrase") from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise ValueError("this is a key of another kind")  # noqa: TRY004 - one error, by contract
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        .decode()
    )


def check_p256(private_key: str) -> None:
    """Raise ValueError unless the PEM text is an unencrypted EC private key on P-256 (ES256)."""
    try:
        key = serialization.load_pem_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError("this can't be read as one, or it has a passphrase") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise ValueError("this is a key of another kind")
