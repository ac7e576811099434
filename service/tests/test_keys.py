"""The time alone decides which keys sign and verify; no private key is stored in clear."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from auth.crypto import sealing
from auth.crypto.sealing import Sealer
from auth.errors import SettingsError
from auth.storage import schema
from auth.storage import signing_keys as stored_keys
from auth.storage.backends import connect
from auth.storage.database import Database
from auth.storage.tables import RSA_SIGNING_KEYS
from auth.tokens import signing_keys
from auth.tokens.signing_keys import TOKEN_SECONDS, KeySet, SigningKey
from joserfc.jwk import ECKey, OKPKey

PUBLISH = 360.0


@pytest.fixture(name="database")
def _database(tmp_path: Path) -> Iterator[Database]:
    database = connect(f"sqlite:///{tmp_path}/auth.sqlite")
    schema.migrate(database)
    yield database
    database.close()


@pytest.fixture(name="sealer")
def _sealer(database: Database) -> Sealer:
    return database.write_now(sealing.unlock, ["the secret"])


def key_from(activates_at: float) -> SigningKey:
    return signing_keys.read(signing_keys.make(signing_keys.ES256), activates_at)


@pytest.mark.parametrize(
    ("now", "current", "published"),
    [(50, 0, 3), (100, 1, 3), (299, 1, 3), (300, 2, 3), (101 + TOKEN_SECONDS, 2, 2)],
)
def test_the_key_that_became_active_last_signs_and_the_others_verify_while_they_must(
    now: float, current: int, published: int
) -> None:
    every = [key_from(0), key_from(100), key_from(300)]
    key_set = KeySet(every, now=lambda: now)

    assert key_set.current() is every[current]
    assert key_set.published() == every[-published:]


def test_states_are_named() -> None:
    now = time.time()
    key_set = KeySet([key_from(now - 100), key_from(now - 50), key_from(now + 50)])

    assert [state for _, state in key_set.states()] == ["retired", "current", "next"]


@pytest.mark.parametrize(("algorithm", "kind"), [("ES256", ECKey), ("Ed25519", OKPKey)])
def test_a_key_is_named_by_its_thumbprint(algorithm: str, kind: type[ECKey | OKPKey]) -> None:
    key = signing_keys.read(signing_keys.make(algorithm))

    assert key.algorithm == algorithm
    assert key.kid == kind.import_key(dict(key.pair.as_dict(private=False))).thumbprint()
    assert "d" not in key.public


def test_the_first_configured_key_signs_at_once_and_a_changed_one_after_it_is_published(
    database: Database, sealer: Sealer
) -> None:
    first, second = signing_keys.make(signing_keys.ES256), signing_keys.make(signing_keys.ED25519)

    assert database.write_now(signing_keys.adopt, sealer, first, PUBLISH)
    assert database.write_now(signing_keys.adopt, sealer, second, PUBLISH)

    key_set = database.write_now(signing_keys.load, sealer)
    assert key_set.current().kid == signing_keys.read(first).kid
    assert key_set.newest.kid == signing_keys.read(second).kid
    assert key_set.newest.activates_at > time.time() + PUBLISH - 60


def test_a_configured_key_that_was_rotated_away_does_not_come_back(
    database: Database, sealer: Sealer
) -> None:
    configured = signing_keys.make(signing_keys.ES256)
    database.write_now(signing_keys.adopt, sealer, configured, PUBLISH)
    made = database.write_now(signing_keys.rotate, sealer, signing_keys.ES256, 0)
    database.write_now(signing_keys.revoke_others, *(key.kid for key in made))

    assert not database.write_now(signing_keys.adopt, sealer, configured, PUBLISH)
    assert database.write_now(signing_keys.load, sealer).kids == {key.kid for key in made}


def test_a_key_that_is_not_old_enough_is_not_rotated(database: Database, sealer: Sealer) -> None:
    database.write_now(signing_keys.adopt, sealer, signing_keys.make(signing_keys.ES256), PUBLISH)
    database.write_now(signing_keys.make_first_rsa, sealer)

    def rotate(older_than: float) -> list[str]:
        made = database.write_now(
            signing_keys.rotate_if_old,
            sealer,
            signing_keys.ES256,
            publish_seconds=9,
            older_than=older_than,
        )
        return [key.algorithm for key in made]

    assert rotate(60) == []
    assert rotate(0) == ["ES256", "RS256"]
    assert rotate(0) == [], "the next keys are there already"


def test_no_private_key_is_kept_in_clear(database: Database, sealer: Sealer) -> None:
    pem = signing_keys.make(signing_keys.ES256)
    database.write_now(signing_keys.adopt, sealer, pem, PUBLISH)
    (stored,) = database.write_now(stored_keys.every)

    assert "PRIVATE" not in stored.private_key
    assert pem.splitlines()[1] not in stored.private_key

    database.write_now(signing_keys.make_first_rsa, sealer)
    (stored,) = database.write_now(stored_keys.every, RSA_SIGNING_KEYS)
    assert "PRIVATE" not in stored.private_key


def test_an_rsa_key_is_no_signing_key_of_the_configuration() -> None:
    """An earlier release could not read it, and every API verifies access tokens without RSA."""
    with pytest.raises(SettingsError):
        signing_keys.read(signing_keys.make(signing_keys.RS256))


def test_a_secret_sealed_for_one_purpose_does_not_open_for_another(sealer: Sealer) -> None:
    sealed = sealer.seal(b"secret", "totp:ada")

    assert sealer.open(sealed, "totp:ada") == b"secret"
    with pytest.raises(ValueError, match="another purpose"):
        sealer.open(sealed, "totp:eve")


def test_a_seal_of_the_previous_secret_opens_with_both_secrets(
    database: Database, sealer: Sealer
) -> None:
    sealed = sealer.seal(b"secret", "x")
    after = database.write_now(sealing.unlock, ["another", "the secret"])
    later = database.write_now(sealing.unlock, ["another"])
    before = database.write_now(sealing.unlock, ["the secret"])

    assert after.open(sealed, "x") == later.open(sealed, "x") == before.open(sealed, "x")


def test_a_secret_that_opens_nothing_is_refused_by_name(database: Database, sealer: Sealer) -> None:
    with pytest.raises(SettingsError, match="AUTH_SECRET_KEY_PREVIOUS") as caught:
        database.write_now(sealing.unlock, ["hunter2"])

    assert "hunter2" not in str(caught.value)
    del sealer
