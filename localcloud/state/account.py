"""The account of a cloud: a tenancy, a user with an API signing key, and a compartment."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from common import files
from localcloud import ocids
from localcloud.state.home import Home


@dataclass(frozen=True, kw_only=True)
class Account:
    """The account's identifiers (OCIDs) and its API signing key."""

    tenancy: str
    user: str
    compartment: str
    fingerprint: str
    public_key: rsa.RSAPublicKey
    private_key_file: Path

    @classmethod
    def open(cls, home: Home) -> Self:
        """Read the account of a home, making its identifiers and key on first use."""
        folder = home.path / "account"
        folder.mkdir(mode=0o700, exist_ok=True)
        key_file = folder / "api_key.pem"
        if not key_file.exists():
            files.write(key_file, _new_private_key())
        names = _identifiers(folder / "account.json")
        key = load_pem_private_key(key_file.read_bytes(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError(
                f"{key_file} holds no RSA key. Remove it; the next start makes a new key."
            )
        public = key.public_key()
        return cls(
            **names,
            fingerprint=_fingerprint(public),
            public_key=public,
            private_key_file=key_file,
        )

    @property
    def key_id(self) -> str:
        """The name of the key in a signed request."""
        return f"{self.tenancy}/{self.user}/{self.fingerprint}"

    @property
    def compartments(self) -> frozenset[str]:
        """The tenancy is its own root compartment."""
        return frozenset({self.tenancy, self.compartment})


def _identifiers(file: Path) -> dict[str, str]:
    if not file.exists():
        names = {kind: ocids.mint(kind) for kind in ("tenancy", "user", "compartment")}
        files.write(file, json.dumps(names, indent=2).encode())
    names = json.loads(file.read_text(encoding="utf-8"))
    return {kind: str(names[kind]) for kind in ("tenancy", "user", "compartment")}


def _new_private_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _fingerprint(key: rsa.RSAPublicKey) -> str:
    """MD5 of the DER public key in colon-separated hex, as the Console shows it."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.md5(der, usedforsecurity=False).digest().hex(":")
