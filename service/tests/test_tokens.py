"""Tokens that were made by somebody else, or for something else, are refused."""

import base64
import hmac
import time
from typing import Any

import httpx
import pytest
from auth.tokens import TokenError, Tokens
from joserfc import jwt
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry
from running import ISSUER, Server, make_key

EVERY = JWSRegistry(algorithms=["ES256"])
MINUTE = 60


def tokens(key: str, **changes: Any) -> Tokens:
    return Tokens(key, **{"issuer": ISSUER, "audience": ISSUER, "seconds": 600, **changes})


def forged(
    key: Any, *, header: dict[str, Any] | None = None, claims: dict[str, Any] | None = None
) -> str:
    """Sign a token that is right but for what is changed; None takes a claim away."""
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
    kept = {name: value for name, value in all_claims.items() if value is not None}
    whole = {"alg": "ES256", "typ": "at+jwt", **(header or {})}
    return jwt.encode({k: v for k, v in whole.items() if v}, kept, key, registry=EVERY)


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_a_token_of_ours_names_its_account(key: str) -> None:
    assert tokens(key).verify(tokens(key).issue("ada")) == "ada"


def test_a_forged_token_that_is_right_in_all_is_accepted(key: str) -> None:
    """Guards the tests below: what they change is what is refused."""
    assert tokens(key).verify(forged(ECKey.import_key(key))) == "account"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.test"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"sub": None},
        {"exp": int(time.time()) - MINUTE},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": int(time.time()) + 2 * MINUTE},
        {"iat": int(time.time()) + 2 * MINUTE},
        {"iat": None},
    ],
    ids=str,
)
def test_a_token_with_other_claims_is_refused(key: str, claims: dict[str, Any]) -> None:
    with pytest.raises(TokenError):
        tokens(key).verify(forged(ECKey.import_key(key), claims=claims))


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


def test_another_services_key_is_refused(key: str) -> None:
    with pytest.raises(TokenError):
        tokens(key).verify(tokens(make_key()).issue("ada"))


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "ey.ey.ey", "é.é.é", "x" * 100_000])
def test_what_is_no_token_is_refused(key: str, token: str) -> None:
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
    (published,) = client.get("/.well-known/jwks.json").json()["keys"]
    key = ECKey.import_key(published)

    assert "d" not in published, "the private half is published"
    assert published["kid"] == key.thumbprint()
    assert published["alg"] == "ES256"
    decoded = jwt.decode(tokens(server.key).issue("ada"), key, registry=EVERY)
    assert decoded.header["kid"] == published["kid"]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x.y.z", "Basic YTpi", "bearer"])
def test_me_without_a_token_of_ours_says_how_to_authenticate(
    client: httpx.Client, header: str
) -> None:
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
