"""The keys that sign tokens: next, current and retired keys (RFC 7517, 7638, 9864).

A new key is published before it signs, so that clients that cache our JWKS for its `max-age` have
it by then; a retired key stays published until the last token that it signed has expired. Each key
has the time from which it signs, so every process finds the current key by itself: nothing has to
be switched, and two releases side by side agree.

Beside these keys there are RSA keys, which rotate likewise. They sign the ID tokens of the
applications that are registered for RS256, which OIDC Discovery §3 makes every provider support.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from sqlalchemy import Connection

from auth.crypto.sealing import Sealer
from auth.errors import SettingsError
from auth.storage import signing_keys
from auth.storage.signing_keys import KeptKey
from auth.storage.tables import RSA_SIGNING_KEYS, SIGNING_KEYS

ES256, ED25519 = "ES256", "Ed25519"
ALGORITHMS = (ES256, ED25519)
RS256 = "RS256"
_RSA_BITS = 2048
JWKS_SECONDS = 300
# the longest life of a token, and the tolerance of clocks
TOKEN_SECONDS = 900 + 60


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair, named by its thumbprint; signs from `activates_at` on, in Unix seconds."""

    kid: str
    algorithm: str
    pair: ECKey | OKPKey | RSAKey
    activates_at: float

    @property
    def public(self) -> dict[str, object]:
        return dict(self.pair.as_dict(private=False))


class KeySet:
    """The keys that a process knows of, with the RSA keys beside the others; `now` is its clock."""

    def __init__(self, keys: Iterable[SigningKey], now: Callable[[], float] = time.time) -> None:
        every = sorted(keys, key=lambda key: key.activates_at)
        self._keys = [key for key in every if key.algorithm != RS256]
        self._rsa = [key for key in every if key.algorithm == RS256]
        self._by_kid = {key.kid: key for key in every}
        self._now = now
        if not self._keys:
            raise ValueError("there is no signing key")

    def current(self, algorithm: str = "") -> SigningKey:
        """Return the key that signs: the last key that became active; with RS256 the RSA key."""
        now, keys = self._now(), self._beside(algorithm)
        active = [key for key in keys if key.activates_at <= now]
        return active[-1] if active else keys[0]

    def find(self, kid: str) -> SigningKey | None:
        """Return the key that verifies tokens of `kid`, None for an unknown or expired key."""
        key = self._by_kid.get(kid)
        return key if key is not None and not self.over(key) else None

    def find_past(self, kid: str) -> SigningKey | None:
        """Return a key as `find` does, even after its tokens expired, until it is erased."""
        return self._by_kid.get(kid)

    def published(self) -> list[SigningKey]:
        return [key for key in (*self._keys, *self._rsa) if not self.over(key)]

    def over(self, key: SigningKey) -> bool:
        """Return whether every token that the key has signed is expired."""
        keys = self._beside(key.algorithm)
        following = keys[keys.index(key) + 1 :]
        return bool(following) and following[0].activates_at + TOKEN_SECONDS < self._now()

    def _beside(self, algorithm: str) -> Sequence[SigningKey]:
        """Return the keys that follow each other with a key of this algorithm."""
        return self._rsa if algorithm == RS256 else self._keys

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
        return [(key, self._state(key)) for key in self.published()]

    def _state(self, key: SigningKey) -> str:
        if key is self.current(key.algorithm):
            return "current"
        return "next" if key.activates_at > self._now() else "retired"


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


def _read_rsa(pem: str, activates_at: float) -> SigningKey:
    """Read a private key that this service made."""
    # each probe reads the keys, and the validation takes 40 ms; the seal proves that it is ours
    private = serialization.load_pem_private_key(
        pem.encode(), None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(private, rsa.RSAPrivateKey):
        raise TypeError("the table of RSA keys holds another key")
    kid = RSAKey(private, private).thumbprint()
    pair = RSAKey(private, private, {"use": "sig", "alg": RS256, "kid": kid})
    return SigningKey(kid, RS256, pair, activates_at)


def make(algorithm: str) -> str:
    """Make a private key for an algorithm; return its PEM."""
    private: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
    if algorithm == RS256:
        private = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    elif algorithm == ED25519:
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
        reader(sealer.open(stored.private_key, _purpose(stored.kid)).decode(), stored.activates_at)
        for table, reader in ((SIGNING_KEYS, read), (RSA_SIGNING_KEYS, _read_rsa))
        for stored in signing_keys.every(connection, table)
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


def make_first_rsa(connection: Connection, sealer: Sealer) -> None:
    """Make the first RSA key, which signs at once, unless there is an RSA key."""
    signing_keys.lock(connection)
    if not signing_keys.every(connection, RSA_SIGNING_KEYS):
        _keep_rsa(connection, sealer, 0)


def rotate(
    connection: Connection, sealer: Sealer, algorithm: str, publish_seconds: float
) -> tuple[SigningKey, SigningKey]:
    """Make a key for the algorithm and an RSA key, which sign after `publish_seconds`."""
    signing_keys.lock(connection)
    return (
        _keep(connection, sealer, make(algorithm), publish_seconds),
        _keep_rsa(connection, sealer, publish_seconds),
    )


def rotate_if_old(
    connection: Connection,
    sealer: Sealer,
    algorithm: str,
    *,
    publish_seconds: float,
    older_than: float,
) -> list[SigningKey]:
    """Make the next key of each kind whose newest key has signed for `older_than` seconds."""
    signing_keys.lock(connection)
    latest, made = time.time() - older_than, []
    if signing_keys.every(connection)[-1].activates_at <= latest:
        made.append(_keep(connection, sealer, make(algorithm), publish_seconds))
    if all(key.activates_at <= latest for key in signing_keys.every(connection, RSA_SIGNING_KEYS)):
        made.append(_keep_rsa(connection, sealer, publish_seconds))
    return made


def revoke_others(connection: Connection, *kids: str) -> int:
    """Erase every other key: their tokens are worthless from now on."""
    erased = 0
    for table in (SIGNING_KEYS, RSA_SIGNING_KEYS):
        every = {stored.kid for stored in signing_keys.every(connection, table)}
        erased += signing_keys.erase(connection, *every.difference(kids), table=table)
    return erased


def prune(connection: Connection, sealer: Sealer) -> int:
    """Erase the keys whose tokens are all expired; return how many."""
    keys = load(connection, sealer)
    gone = [kid for kid in keys.kids if keys.find(kid) is None]
    return sum(
        signing_keys.erase(connection, *gone, table=table)
        for table in (SIGNING_KEYS, RSA_SIGNING_KEYS)
    )


def _keep(connection: Connection, sealer: Sealer, pem: str, delay: float) -> SigningKey:
    key = read(pem, activates_at=time.time() + delay)
    signing_keys.add(connection, _sealed(sealer, key, pem))
    return key


def _keep_rsa(connection: Connection, sealer: Sealer, delay: float) -> SigningKey:
    pem = make(RS256)
    key = _read_rsa(pem, time.time() + delay)
    signing_keys.add(connection, _sealed(sealer, key, pem), RSA_SIGNING_KEYS)
    return key


def _sealed(sealer: Sealer, key: SigningKey, pem: str) -> KeptKey:
    return KeptKey(
        kid=key.kid,
        algorithm=key.algorithm,
        private_key=sealer.seal(pem.encode(), _purpose(key.kid)),
        created_at=time.time(),
        activates_at=key.activates_at,
    )


def _purpose(kid: str) -> str:
    return f"signing-key:{kid}"
