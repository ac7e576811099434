"""Keys and passwords that a stack needs, made once and never shown."""

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519


def ssh_key() -> str:
    """Make an ed25519 private key in OpenSSH format."""
    return (
        ed25519.Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
        .decode()
    )


def signing_key() -> str:
    """Make an EC P-256 private key in PEM (PKCS#8), for ES256 signatures (RFC 7518, 3.4)."""
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


def write(path: Path, secret: str, mode: int = 0o600) -> None:
    """Write a secret to a file that its owner alone can read, replacing it whole."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret)
    draft.rename(path)


def passphrase(path: Path) -> Path:
    """Give the file with the passphrase that encrypts the stack's secrets, made on first use."""
    if not path.exists():
        write(path, secrets.token_urlsafe(32))
    return path
