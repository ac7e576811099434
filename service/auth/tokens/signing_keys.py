"""The keys that sign tokens: next, current and retired keys (RFC 7517, 7638, 9864).

A new key is published before it signs, so that clients that cache our JWKS for its `max-age` have
it by then; a retired key stays published until the last token that it signed has expired. Each key
has the time from which it signs, so every process finds the current key by itself: nothing has to
be switched, and two releases side by side agree.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey
from sqlalchemy import Connection

from auth.crypto.sealing import Sealer
from auth.errors import SettingsError
from auth.storage import signing_keys
from auth.storage.signing_keys import KeptKey

ES256, ED25519 = "ES256", "Ed25519"
ALGORITHMS = (ES256, ED25519)
JWKS_SECONDS = 300
# the longest life of a token, and the tolerance of clocks
TOKEN_SECONDS = 900 + 60


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair, named by its thumbprint; signs from `activates_at` on, in Unix seconds."""

    kid: str
    algorithm: str
    pair: ECKey | OKPKey
    activates_at: float

    @property
    def public(self) -> dict[str, object]:
        return dict(self.pair.as_dict(private=False))


class KeySet:
    """The keys that a process knows of; `now` is its clock."""

    def __init__(self, keys: Iterable[SigningKey], now: Callable[[], float] = time.time) -> None:
        self._keys = sorted(keys, key=lambda key: key.activates_at)
        self._by_kid = {key.kid: key for key in self._keys}
        self._now = now
        if not self._keys:
            raise ValueError("there is no signing key")

    def current(self) -> SigningKey:
        """Return the key that signs: the last key that became active."""
        now = self._now()
        active = [key for key in self._keys if key.activates_at <= now]
        return active[-1] if active else self._keys[0]

    def find(self, kid: str) -> SigningKey | None:
        """Return the key that verifies tokens of `kid`, None for an unknown or expired key."""
        key = self._by_kid.get(kid)
        return key if key is not None and not self.over(key) else None

    def find_past(self, kid: str) -> SigningKey | None:
        """Return a key as `find` does, even after its tokens expired, until it is erased."""
        return self._by_kid.get(kid)

    def published(self) -> list[SigningKey]:
        return [key for key in self._keys if not self.over(key)]

    def over(self, key: SigningKey) -> bool:
        """Return whether every token that the key has signed is expired."""
        following = self._keys[self._keys.index(key) + 1 :]
        return bool(following) and following[0].activates_at + TOKEN_SECONDS < self._now()

    def jwks(self) -> dict[str, list[dict[str, object]]]:
        return {"keys": [key.public for key in self.published()]}

    @property
    def newest(self) -> SigningKey:
        return self._keys[-1]

    @property
    def kids(self) -> frozenset[str]:
        return frozenset(self._by_kid)

    def states(self) -> list[tuple[SigningKey, str]]:
        """Return each published key with its state: `next`, `current` or `retired`."""
        current, now = self.current(), self._now()
        return [
            (key, "current" if key is current else "next" if key.activates_at > now else "retired")
            for key in self.published()
        ]


def read(pem: str, activates_at: float = 0) -> SigningKey:
    """Read a private key; its kind decides its algorithm. Raise SettingsError, without the key."""
    refused = SettingsError(
        "The service can't start:\n  AUTH_SIGNING_KEY is neither a private EC key on P-256 nor an "
        "Ed25519 key. Make a key with: openssl genpkey -algorithm EC "
        "-pkeyopt ec_paramgen_curve:P-256"
    )
    for kind, algorithm, curve in ((ECKey, ES256, "P-256"), (OKPKey, ED25519, "Ed25519")):
        try:
            bare = kind.import_key(pem)
            thumbprint = bare.thumbprint()
        except (JoseError, ValueError, TypeError):
            continue  # the reason may quote the key
        if bare.curve_name == curve and bare.is_private:
            named = kind.import_key(pem, {"use": "sig", "alg": algorithm, "kid": thumbprint})
            return SigningKey(thumbprint, algorithm, named, activates_at)
    raise refused


def make(algorithm: str) -> str:
    """Make a private key for an algorithm; return its PEM."""
    private: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
    if algorithm == ED25519:
        private = ed25519.Ed25519PrivateKey.generate()
    else:
        private = ec.generate_private_key(ec.SECP256R1())
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def load(connection: Connection, sealer: Sealer) -> KeySet:
    """Return the keys of the database; raise ValueError if there are no keys, or a foreign key."""
    return KeySet(
        read(sealer.open(stored.private_key, _purpose(stored.kid)).decode(), stored.activates_at)
        for stored in signing_keys.every(connection)
        if stored.private_key
    )


def adopt(connection: Connection, sealer: Sealer, pem: str, publish_seconds: float) -> bool:
    """Store the configured key if it is unknown; return whether it was.

    The first key signs at once, a later key after `publish_seconds`. A known key stays as it is, so
    a configuration that lags behind a rotation by command does not undo that.
    """
    signing_keys.lock(connection)
    known = signing_keys.every(connection)
    key = read(pem)
    if any(stored.kid == key.kid for stored in known):
        return False
    _keep(connection, sealer, pem, publish_seconds if known else 0)
    return True


def rotate(
    connection: Connection, sealer: Sealer, algorithm: str, publish_seconds: float
) -> SigningKey:
    """Make a key that signs after `publish_seconds`."""
    signing_keys.lock(connection)
    return _keep(connection, sealer, make(algorithm), publish_seconds)


def rotate_if_old(
    connection: Connection,
    sealer: Sealer,
    algorithm: str,
    *,
    publish_seconds: float,
    older_than: float,
) -> SigningKey | None:
    """Make the next key if the newest key has signed for `older_than` seconds."""
    signing_keys.lock(connection)
    known = signing_keys.every(connection)
    if known[-1].activates_at > time.time() - older_than:
        return None
    return _keep(connection, sealer, make(algorithm), publish_seconds)


def revoke_others(connection: Connection, kid: str) -> int:
    """Erase every other key: their tokens are worthless from now on."""
    others = [stored.kid for stored in signing_keys.every(connection) if stored.kid != kid]
    return signing_keys.erase(connection, *others)


def prune(connection: Connection, sealer: Sealer) -> int:
    """Erase the keys whose tokens are all expired; return how many."""
    keys = load(connection, sealer)
    gone = [kid for kid in keys.kids if keys.find(kid) is None]
    return signing_keys.erase(connection, *gone)


def _keep(connection: Connection, sealer: Sealer, pem: str, delay: float) -> SigningKey:
    now = time.time()
    key = read(pem, activates_at=now + delay)
    signing_keys.add(
        connection,
        KeptKey(
            kid=key.kid,
            algorithm=key.algorithm,
            private_key=sealer.seal(pem.encode(), _purpose(key.kid)),
            created_at=now,
            activates_at=key.activates_at,
        ),
    )
    return key


def _purpose(kid: str) -> str:
    return f"signing-key:{kid}"
