"""Access tokens of another signer or for another purpose are refused."""

import base64
import hmac
import json
import time
from typing import Any

import httpx
import pytest
from auth.tokens import signing_keys
from auth.tokens.access_tokens import TokenError, Tokens
from auth.tokens.signing_keys import KeySet
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey
from joserfc.jws import JWSRegistry
from running import ISSUER, Server, make_key
from users import User

EVERY = JWSRegistry(algorithms=["ES256"])
MINUTE = 60


def tokens(key: str, **changes: Any) -> Tokens:
    key_set = KeySet([signing_keys.read(key)])
    return Tokens(key_set, **{"issuer": ISSUER, "audience": ISSUER, "seconds": 600, **changes})


def forged(
    key: Any, *, header: dict[str, Any] | None = None, claims: dict[str, Any] | None = None
) -> str:
    """Sign a token that is valid but for the changes; None removes a claim."""
    now = int(time.time())
    all_claims = {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": "account",
        "iat": now,
        "nbf": now,
        "exp": now + MINUTE,
        "jti": "1",
        **(claims or {}),
    }
    present_claims = {name: value for name, value in all_claims.items() if value is not None}
    whole_header = {"alg": "ES256", "typ": "at+jwt", "kid": key.thumbprint(), **(header or {})}
    return jwt.encode(
        {k: v for k, v in whole_header.items() if v}, present_claims, key, registry=EVERY
    )


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_a_token_of_ours_names_its_account(key: str) -> None:
    assert tokens(key).verify(tokens(key).issue("ada")).subject == "ada"


def test_a_forged_token_that_is_right_in_all_is_accepted(key: str) -> None:
    """Guard the tests below: without a change, the token is valid."""
    assert tokens(key).verify(forged(ECKey.import_key(key))).subject == "account"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.test"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"sub": None},
        {"exp": -MINUTE},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": 2 * MINUTE},
        {"iat": 2 * MINUTE},
        {"iat": None},
    ],
    ids=str,
)
def test_a_token_with_other_claims_is_refused(key: str, claims: dict[str, Any]) -> None:
    # Numbers are seconds from the moment of the test.
    now = int(time.time())
    changed = {k: v + now if isinstance(v, int) else v for k, v in claims.items()}

    with pytest.raises(TokenError):
        tokens(key).verify(forged(ECKey.import_key(key), claims=changed))


@pytest.mark.parametrize("kind", ["JWT", "id_token", None])
def test_a_jwt_of_another_type_is_refused(key: str, kind: str | None) -> None:
    with pytest.raises(TokenError):
        tokens(key).verify(forged(ECKey.import_key(key), header={"typ": kind}))


def test_a_token_without_a_signature_is_refused(key: str) -> None:
    payload = tokens(key).issue("ada").split(".")[1]
    header = encoded(b'{"alg":"none","typ":"at+jwt"}')

    with pytest.raises(TokenError):
        tokens(key).verify(f"{header}.{payload}.")


def test_the_public_key_is_no_secret_to_sign_with(key: str) -> None:
    public = ECKey.import_key(key).as_pem(private=False)
    payload = tokens(key).issue("ada").split(".")[1]
    header = encoded(b'{"alg":"HS256","typ":"at+jwt"}')
    signed = hmac.digest(public, f"{header}.{payload}".encode(), "sha256")

    with pytest.raises(TokenError):
        tokens(key).verify(f"{header}.{payload}.{encoded(signed)}")


def test_a_token_that_names_our_key_but_was_signed_by_another_is_refused(key: str) -> None:
    ours = ECKey.import_key(key).thumbprint()

    with pytest.raises(TokenError):
        tokens(key).verify(forged(ECKey.import_key(make_key()), header={"kid": ours}))


def test_a_key_that_the_token_brings_along_is_no_key_of_ours(key: str) -> None:
    foreign_key = ECKey.import_key(make_key())
    brought = {"jwk": foreign_key.as_dict(private=False), "kid": foreign_key.thumbprint()}

    with pytest.raises(TokenError):
        tokens(key).verify(forged(foreign_key, header=brought))


@pytest.mark.parametrize("kid", [None, "", "../../dev/null", "' OR 1=1 --", 7, {"a": "b"}, ["x"]])
def test_a_token_that_names_no_key_of_ours_is_refused(key: str, kid: Any) -> None:
    payload = tokens(key).issue("ada").split(".")[1]
    header = encoded(json.dumps({"alg": "ES256", "typ": "at+jwt", "kid": kid}).encode())

    with pytest.raises(TokenError):
        tokens(key).verify(f"{header}.{payload}.{encoded(b'x' * 64)}")


def test_a_remembered_token_expires_all_the_same(key: str) -> None:
    now = time.time()
    ours = tokens(key, now=lambda: now)
    token = ours.issue("ada")
    assert ours.verify(token)

    now += 606

    with pytest.raises(TokenError):
        ours.verify(token)


def test_a_remembered_token_is_forgotten_with_its_key(key: str) -> None:
    ours = tokens(key)
    token = ours.issue("ada")
    assert ours.verify(token)

    ours.keys = KeySet([signing_keys.read(make_key())])

    with pytest.raises(TokenError):
        ours.verify(token)


def test_ed25519_signs_where_it_is_configured(on_sqlite: Server) -> None:
    on_sqlite.key = signing_keys.make(signing_keys.ED25519)
    on_sqlite.start()
    with httpx.Client(base_url=on_sqlite.url) as client:
        ada = User.signed_in(client)
        published, _ = client.get("/.well-known/jwks.json").json()["keys"]
        assert published["alg"] == "Ed25519"
        decoded = jwt.decode(
            ada.tokens["access_token"], OKPKey.import_key(published), algorithms=["Ed25519"]
        )
        assert ada.get("/v1/me").status_code == 200

    assert decoded.header["alg"] == "Ed25519"


def test_an_access_token_has_the_claims_of_rfc_9068(client: httpx.Client) -> None:
    ada = User.signed_in(client)
    published, _ = client.get("/.well-known/jwks.json").json()["keys"]

    decoded = jwt.decode(ada.tokens["access_token"], ECKey.import_key(published), registry=EVERY)

    assert decoded.header["typ"] == "at+jwt"
    required = {"iss", "exp", "aud", "sub", "client_id", "iat", "jti"}
    assert required | {"auth_time", "amr", "sid"} <= decoded.claims.keys()
    assert decoded.claims["exp"] - decoded.claims["iat"] <= 900


def test_another_services_key_is_refused(key: str) -> None:
    with pytest.raises(TokenError):
        tokens(key).verify(tokens(make_key()).issue("ada"))


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "ey.ey.ey", "é.é.é", "x" * 100_000])
def test_an_invalid_token_is_refused(key: str, token: str) -> None:
    with pytest.raises(TokenError):
        tokens(key).verify(token)


def test_a_changed_payload_breaks_the_signature(key: str) -> None:
    header, payload, signature = tokens(key).issue("ada").split(".")
    other = tokens(key).issue("eve").split(".")[1]
    assert payload != other

    with pytest.raises(TokenError):
        tokens(key).verify(f"{header}.{other}.{signature}")


def test_the_published_key_verifies_and_has_its_thumbprint_as_name(
    client: httpx.Client, server: Server
) -> None:
    published, _ = client.get("/.well-known/jwks.json").json()["keys"]
    key = ECKey.import_key(published)

    assert "d" not in published, "the private half is published"
    assert published["kid"] == key.thumbprint()
    assert published["alg"] == "ES256"
    decoded = jwt.decode(tokens(server.key).issue("ada"), key, registry=EVERY)
    assert decoded.header["kid"] == published["kid"]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x.y.z", "Basic YTpi", "bearer"])
def test_me_without_an_access_token_names_the_scheme(client: httpx.Client, header: str) -> None:
    answer = client.get("/v1/me", headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid_token"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_of_an_account_that_is_gone_is_refused(
    client: httpx.Client, server: Server
) -> None:
    token = tokens(server.key).issue("nobody")

    answer = client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 401
