"""Keys and passwords that a stack needs, made once and never shown."""

import secrets
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from common import files


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


def database_password() -> str:
    """Make a password by the rules of OCI Database with PostgreSQL, without signs of a shell."""
    # one of each kind that the rules name
    return f"aA1-{secrets.token_urlsafe(20)}"


def api_key() -> tuple[str, str]:
    """Make an RSA key of Oracle's API, in PEM; return its private and its public half."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


def passphrase(path: Path) -> Path:
    """Give the file with the passphrase that encrypts the stack's secrets, made on first use."""
    if not path.exists():
        files.write(path, secrets.token_urlsafe(32))
    return path
