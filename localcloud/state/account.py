"""The account of a cloud: a tenancy, a compartment, and users with API signing keys."""

import hashlib
import json
from collections.abc import Mapping
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

REPORTER_OPERATIONS = frozenset({"PostMetricData", "PutLogs"})
REPORTED_NAMESPACE = "auth"


@dataclass(frozen=True, kw_only=True)
class User:
    """A user with an API signing key."""

    tenancy: str
    ocid: str
    fingerprint: str
    public_key: rsa.RSAPublicKey
    private_key_file: Path

    @property
    def key_id(self) -> str:
        """The name of the key in a signed request."""
        return f"{self.tenancy}/{self.ocid}/{self.fingerprint}"


@dataclass(frozen=True, kw_only=True)
class Account:
    """The account's identifiers (OCIDs), and its two users.

    The reporter may post metrics of a single namespace and entries of the log, and nothing else.
    """

    tenancy: str
    compartment: str
    log: str  # a custom log, without a log group
    owner: User
    reporter: User

    @classmethod
    def open(cls, home: Home) -> Self:
        """Read the account of a home, making its identifiers and keys on first use."""
        folder = home.path / "account"
        folder.mkdir(mode=0o700, exist_ok=True)
        names = _identifiers(folder / "account.json")
        tenancy = names["tenancy"]
        return cls(
            tenancy=tenancy,
            compartment=names["compartment"],
            log=names["log"],
            owner=_user(tenancy, names["user"], folder / "api_key.pem"),
            reporter=_user(tenancy, names["reporter"], folder / "reporter_key.pem"),
        )

    @property
    def user(self) -> str:
        """The OCID of the user who may do everything."""
        return self.owner.ocid

    @property
    def fingerprint(self) -> str:
        """The fingerprint of that user's key."""
        return self.owner.fingerprint

    @property
    def private_key_file(self) -> Path:
        """The file of that user's key."""
        return self.owner.private_key_file

    @property
    def keys(self) -> Mapping[str, rsa.RSAPublicKey]:
        """The public keys of all users, by their name in a signed request."""
        return {user.key_id: user.public_key for user in (self.owner, self.reporter)}

    @property
    def compartments(self) -> frozenset[str]:
        """The tenancy is its own root compartment."""
        return frozenset({self.tenancy, self.compartment})


def _user(tenancy: str, ocid: str, key_file: Path) -> User:
    if not key_file.exists():
        files.write(key_file, _new_private_key())
    key = load_pem_private_key(key_file.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{key_file} holds no RSA key. Remove it; the next start makes a new key.")
    public = key.public_key()
    return User(
        tenancy=tenancy,
        ocid=ocid,
        fingerprint=fingerprint(public),
        public_key=public,
        private_key_file=key_file,
    )


_KINDS = {
    "tenancy": "tenancy",
    "user": "user",
    "compartment": "compartment",
    "reporter": "user",
    "log": "log",
}


def _identifiers(file: Path) -> dict[str, str]:
    """Read the identifiers; a cloud of an earlier version lacks some of them."""
    stored = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    names = {name: str(stored.get(name) or ocids.mint(kind)) for name, kind in _KINDS.items()}
    if names != stored:
        files.write(file, json.dumps(names, indent=2).encode())
    return names


def _new_private_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def fingerprint(key: rsa.RSAPublicKey) -> str:
    """MD5 of the DER public key in colon-separated hex, as the Console shows it."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.md5(der, usedforsecurity=False).digest().hex(":")
