"""Secrets at rest that have to be read again: sealed with AES-256-GCM.

A single random key seals everything. It is stored in the database, wrapped by a key that is derived
from the configuration; a copy of the database alone opens nothing. When the configured secret
changes, the key is wrapped once more, and releases that still know the old secret go on.
"""

import base64
import hmac
import os
import time
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, insert, select

from auth.crypto import secret_tokens
from auth.errors import SettingsError
from auth.storage import locks
from auth.storage.tables import DATA_KEYS

_NONCE_BYTES = 12
_VERSION = "1."


class Sealer:
    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._tags = HKDF(SHA256(), 32, salt=None, info=b"auth tags").derive(key)

    def seal(self, secret: bytes, purpose: str) -> str:
        """Encrypt; only `open` with the same purpose, such as `totp:ACCOUNT`, reads it again."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, secret, purpose.encode())
        return _VERSION + base64.urlsafe_b64encode(sealed).decode()

    def open(self, sealed: str, purpose: str) -> bytes:
        """Decrypt; raise ValueError if it was sealed by another key or for another purpose."""
        raw = base64.urlsafe_b64decode(sealed.removeprefix(_VERSION))
        try:
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], purpose.encode())
        except InvalidTag:
            raise ValueError("sealed by another key, or for another purpose") from None

    def tag(self, text: str, purpose: str) -> str:
        """Return a tag of a text that nobody else can make: HMAC-SHA256, in base64url."""
        digest = hmac.digest(self._tags, f"{purpose}:{text}".encode(), "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def unlock(connection: Connection, secrets: Sequence[str]) -> Sealer:
    """Return the database's sealer, opened with any of the secrets, the current secret first.

    Make the sealer on first use. Raise SettingsError if no secret opens it.
    """
    now = time.time()
    # replicas start on an empty database at the same moment
    locks.keep_writers_out(connection, DATA_KEYS)
    wrapped = {row.id: row.wrapped for row in connection.execute(select(DATA_KEYS))}
    key = None if wrapped else AESGCM.generate_key(256)
    for secret in secrets:
        derived, name = _derived(secret)
        if key is None and name in wrapped:
            key = Sealer(derived).open(wrapped[name], name)
    if key is None:
        raise SettingsError(
            "The service can't start:\n  AUTH_SECRET_KEY is not the secret that sealed the data "
            "(if it was never set, AUTH_SIGNING_KEY took its place). Set "
            "AUTH_SECRET_KEY_PREVIOUS to the earlier secret."
        )
    derived, name = _derived(secrets[0])
    if name not in wrapped:
        row = {"id": name, "wrapped": Sealer(derived).seal(key, name), "created_at": now}
        connection.execute(insert(DATA_KEYS).values(row))
    return Sealer(key)


def _derived(secret: str) -> tuple[bytes, str]:
    """Derive the wrapping key and its name, neither of which reveals the secret."""
    material = HKDF(SHA256(), 64, salt=None, info=b"auth sealing").derive(secret.strip().encode())
    return material[:32], secret_tokens.hashed(material[32:].hex())
