"""Clients that prove themselves with a key in place of a secret (RFC 7523, private_key_jwt)."""

import base64
import json
import time
import uuid
from typing import Any

import httpx
import pytest
from applications import CALLBACK, ISSUER, Browser, Flow, claims_of
from auth.clients import registration
from auth.clients.clients import ClientsError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from joserfc.jws import JWSRegistry
from running import Server

KEY = ECKey.generate_key("P-256", {"kid": "of the shop", "use": "sig"})
RSA = RSAKey.generate_key(2048, {"kid": "robot", "use": "sig"})
SHOP: dict[str, Any] = {
    "client_id": "shop",
    "name": "Shop",
    "first_party": True,
    "jwks": {"keys": [KEY.as_dict(private=False)]},
    "redirect_uris": [CALLBACK],
}
ROBOT: dict[str, Any] = {
    "client_id": "robot",
    "name": "Robot",
    "jwks": KeySet([RSA]).as_dict(private=False),
    "grant_types": ["client_credentials"],
    "scopes": ["orders:read"],
}
SERVER_SETTINGS = {"AUTH_CLIENTS": json.dumps([SHOP, ROBOT]), "AUTH_ISSUER": ISSUER}
_MODULUS = ((1 << 1024) - 105).to_bytes(128, "big")
SHORT = {"kty": "RSA", "e": "AQAB", "n": base64.urlsafe_b64encode(_MODULUS).decode().rstrip("=")}
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = JWSRegistry(algorithms=["ES256", "RS256", "PS256", "HS256"])


def assertion(key: Any = RSA, algorithm: str = "RS256", **changes: object) -> str:
    """Sign an assertion of the robot."""
    claims = {
        "iss": "robot",
        "sub": "robot",
        "aud": ISSUER,
        "jti": uuid.uuid4().hex,
        "exp": int(time.time()) + 60,
        **changes,
    }
    values = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": algorithm}, values, key, registry=ALGORITHMS)


def ask(client: httpx.Client, token: str, **more: str) -> httpx.Response:
    fields = {"client_assertion_type": TYPE, "client_assertion": token}
    return client.post("/oauth2/token", data={"grant_type": "client_credentials", **fields, **more})


def test_a_stock_client_authenticates_with_its_key(server: Server) -> None:
    endpoint = f"{server.url}/oauth2/token"
    with OAuth2Client("robot", RSA.as_dict(private=True), "private_key_jwt") as robot:
        robot.register_client_auth_method(
            PrivateKeyJWT(f"{ISSUER}/oauth2/token", alg="RS256", headers={"kid": "robot"})
        )
        tokens = robot.fetch_token(endpoint, grant_type="client_credentials")

    assert tokens["scope"] == "orders:read"


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_an_assertion_counts_once(client: httpx.Client, algorithm: str) -> None:
    token = assertion(algorithm=algorithm)

    assert ask(client, token).status_code == 200
    again = ask(client, token)

    assert again.status_code == 401
    assert again.json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "shop"},
        {"sub": "shop"},
        {"aud": "https://elsewhere.example.test"},
        {"aud": None},
        {"jti": None},
        {"jti": "x" * 600},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": 0},
        {"exp": 1e11},
    ],
    ids=[
        "issuer",
        "subject",
        "audience",
        "no-audience",
        "no-id",
        "long-id",
        "endless",
        "tomorrow",
        "expired",
        "long",
    ],
)
def test_an_assertion_for_somebody_else_or_another_time_is_refused(
    client: httpx.Client, changes: dict[str, Any]
) -> None:
    answer = ask(client, assertion(**changes), client_id="robot")

    assert answer.json()["error"] == "invalid_client"


def test_an_assertion_that_is_signed_otherwise_is_refused(client: httpx.Client) -> None:
    public = json.dumps(RSA.as_dict(private=False)).encode()
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').decode()
    forged = [
        assertion(RSAKey.generate_key(2048)),
        assertion(KEY, "ES256"),
        assertion(OctKey.import_key(public), "HS256"),
        f"{unsigned}.{assertion().split('.')[1]}.",
        "a.b.c",
        "",
        "é.é.é",
        assertion() + "A",
    ]

    for token in forged:
        answer = ask(client, token)
        assert answer.status_code == 401, answer.text
    both = client.post(
        "/oauth2/token",
        data={
            "grant_type": "client_credentials",
            "client_assertion_type": TYPE,
            "client_assertion": assertion(),
        },
        auth=("robot", "secret"),
    )
    assert both.json()["error"] == "invalid_request"
    assert ask(client, assertion(), client_id="shop").json()["error"] == "invalid_client"


def test_a_client_with_a_key_is_nobody_without_it(client: httpx.Client, browser: Browser) -> None:
    flow = Flow(client_id="shop", secret=None)
    code = flow.code(browser)
    assert flow.redeem(client, code).json()["error"] == "invalid_client"

    token = assertion(KEY, "ES256", iss="shop", sub="shop")
    tokens = flow.redeem(client, code, client_assertion_type=TYPE, client_assertion=token)

    assert tokens.status_code == 200, tokens.text
    assert claims_of(client, tokens.json()["id_token"])["aud"] == "shop"


@pytest.mark.parametrize(
    ("jwks", "problem"),
    [
        ({"keys": []}, "is no set of public keys"),
        ({"keys": [KEY.as_dict(private=True)]}, "must have no private key"),
        ({"keys": [OctKey.generate_key(256).as_dict(private=True)]}, "EC, OKP and RSA alone"),
        ({"keys": [SHORT]}, "fewer than 2048 bits"),
        ({"keys": [{"kty": "EC"}]}, "is no set of public keys"),
        ({"key": 1}, "is no set of public keys"),
    ],
)
def test_a_registration_takes_public_keys_alone(jwks: dict[str, Any], problem: str) -> None:
    with pytest.raises(ClientsError, match=problem):
        registration.read(json.dumps([{**ROBOT, "jwks": jwks}]))


def test_a_client_has_a_secret_or_keys(client: httpx.Client) -> None:
    with pytest.raises(ClientsError, match="a client with keys has no secret"):
        registration.read(json.dumps([{**ROBOT, "secret_sha256": "A" * 43}]))
    document = client.get("/.well-known/openid-configuration").json()
    assert "private_key_jwt" in document["token_endpoint_auth_methods_supported"]
    assert "RS256" in document["token_endpoint_auth_signing_alg_values_supported"]
