"""Tokens that are bound to a key, which the client proves with each request (DPoP, RFC 9449)."""

import base64
import json
import time
import uuid
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from applications import CALLBACK, ISSUER, SECRET, Browser, Flow, hashed, redirect_parameters
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry
from users import User

KEY = ECKey.generate_key("P-256")
OTHER = ECKey.generate_key("P-256")
ALGORITHMS = JWSRegistry(algorithms=["ES256", "RS256"])
REGISTERED: list[dict[str, Any]] = [
    {
        "client_id": "spa",
        "name": "Single page",
        "public": True,
        "first_party": True,
        "redirect_uris": [CALLBACK],
        "scopes": ["openid", "email", "account"],
    },
    {
        "client_id": "app",
        "name": "The App",
        "first_party": True,
        "secret_sha256": hashed(SECRET),
        "redirect_uris": [CALLBACK],
        "dpop_bound_access_tokens": True,
    },
]
SERVER_SETTINGS = {"AUTH_CLIENTS": json.dumps(REGISTERED), "AUTH_ISSUER": ISSUER}
TOKEN = f"{ISSUER}/oauth2/token"


def proof(
    uri: str = TOKEN,
    method: str = "POST",
    *,
    key: Any = KEY,
    token: str | None = None,
    header: dict[str, Any] | None = None,
    **changes: object,
) -> dict[str, str]:
    """Return the header with a proof of the key."""
    claims = {
        "jti": uuid.uuid4().hex,
        "htm": method,
        "htu": uri,
        "iat": int(time.time()),
        "ath": None if token is None else hashed(token),
        **changes,
    }
    values = {name: value for name, value in claims.items() if value is not None}
    head = {"alg": "ES256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False), **(header or {})}
    return {"DPoP": jwt.encode(head, values, key, registry=ALGORITHMS)}


def retouched(**changes: object) -> dict[str, str]:
    """Return a proof with changes in its header, which its signature does not fit any more."""
    first, _, rest = proof()["DPoP"].partition(".")
    header = json.loads(base64.urlsafe_b64decode(first + "=="))
    changed = json.dumps({**header, **changes}).encode()
    return {"DPoP": f"{base64.urlsafe_b64encode(changed).decode().rstrip('=')}.{rest}"}


def nested() -> dict[str, str]:
    """Return a proof whose header is deeper than a parser follows."""
    return {"DPoP": f"{base64.urlsafe_b64encode(b'[' * 1200).decode()}.e30.AA"}


def signed(payload: bytes) -> dict[str, str]:
    """Return the header with any payload that the key signed."""
    head = {"alg": "ES256", "typ": "dpop+jwt", "jwk": KEY.as_dict(private=False)}
    return {"DPoP": jws.serialize_compact(head, payload, KEY)}


def trade(
    client: httpx.Client, code: str, flow: Flow, headers: dict[str, str] | None = None
) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": flow.verifier,
        "client_id": flow.client_id,
    }
    secret = {"client_secret": SECRET} if flow.client_id == "app" else {}
    return client.post("/oauth2/token", data={**form, **secret}, headers=headers)


def refresh(client: httpx.Client, token: str, headers: dict[str, str]) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "spa"}
    return client.post("/oauth2/token", data=form, headers=headers)


@pytest.fixture(name="flow")
def _flow() -> Flow:
    return Flow("spa", scope="openid email account")


@pytest.fixture(name="tokens")
def _tokens(client: httpx.Client, browser: Browser, flow: Flow) -> dict[str, Any]:
    answer = trade(client, flow.code(browser), flow, proof())
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def ask(
    client: httpx.Client, tokens: dict[str, Any], headers: dict[str, str], scheme: str = "DPoP"
) -> httpx.Response:
    authorization = {"Authorization": f"{scheme} {tokens['access_token']}"}
    return client.get("/userinfo", headers={**authorization, **headers})


def test_a_token_is_of_use_with_a_proof_of_its_key_alone(
    client: httpx.Client, tokens: dict[str, Any], user: User
) -> None:
    token, uri = tokens["access_token"], f"{ISSUER}/userinfo"
    assert tokens["token_type"] == "DPoP"

    assert ask(client, tokens, proof(uri, "GET", token=token)).json()["email"] == user.email
    other_spelling = uri.replace("http://auth.example.test", "HTTP://AUTH.example.test:80")
    assert ask(client, tokens, proof(f"{other_spelling}?a=b", "GET", token=token)).is_success
    for wrong in (
        proof(uri, "GET", token=token, key=OTHER),
        proof(uri, "GET", token="another token"),
        proof(uri, "GET"),
        proof(uri, "POST", token=token),
        proof(f"{ISSUER}/v1/me", "GET", token=token),
        {},
    ):
        refused = ask(client, tokens, wrong)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].startswith('DPoP realm="auth", error="invalid_')
    assert ask(client, tokens, {}, "Bearer").status_code == 401
    assert ask(client, tokens, proof(uri, "GET", token=token), "Bearer").status_code == 401


def test_a_token_without_a_key_takes_no_proof(
    client: httpx.Client, browser: Browser, flow: Flow
) -> None:
    tokens = trade(client, flow.code(browser), flow).json()
    assert tokens["token_type"] == "Bearer"

    headers = proof(f"{ISSUER}/userinfo", "GET", token=tokens["access_token"])

    assert ask(client, tokens, headers, "DPoP").status_code == 401
    assert ask(client, tokens, {}, "Bearer").status_code == 200


def test_our_own_api_takes_a_bound_token_with_its_proof(
    client: httpx.Client, tokens: dict[str, Any], user: User
) -> None:
    token = tokens["access_token"]
    headers = {"Authorization": f"dpop {token}", **proof(f"{ISSUER}/v1/me", "GET", token=token)}

    assert client.get("/v1/me", headers=headers).json()["email"] == user.email
    assert client.get("/v1/me", headers=headers).status_code == 401, "the proof counted twice"


def test_a_proxy_takes_no_bound_token(client: httpx.Client, tokens: dict[str, Any]) -> None:
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}

    assert client.get("/v1/auth/verify", headers=bearer).status_code == 401


def test_a_refresh_token_of_a_public_client_is_bound_to_its_key(
    client: httpx.Client, tokens: dict[str, Any]
) -> None:
    stolen = tokens["refresh_token"]
    assert refresh(client, stolen, {}).json()["error"] == "invalid_grant"
    assert refresh(client, stolen, proof(key=OTHER)).json()["error"] == "invalid_grant"

    renewed = refresh(client, stolen, proof())

    assert renewed.json()["token_type"] == "DPoP"


def test_a_client_that_binds_its_tokens_gets_none_without_a_proof(
    client: httpx.Client, browser: Browser
) -> None:
    flow = Flow()
    assert trade(client, flow.code(browser), flow).json()["error"] == "invalid_request"

    tokens = trade(client, flow.code(browser), flow, proof()).json()
    facts = client.post(
        "/oauth2/introspect", data={"token": tokens["access_token"]}, auth=("app", SECRET)
    ).json()

    assert facts["token_type"] == "DPoP"
    assert facts["cnf"] == {"jkt": KEY.thumbprint()}


def test_a_refresh_token_of_a_confidential_client_takes_any_key(
    client: httpx.Client, browser: Browser
) -> None:
    """RFC 9449 §5: the client's authentication binds it, so that its key can change."""
    flow = Flow()
    token = trade(client, flow.code(browser), flow, proof()).json()["refresh_token"]

    form = {"grant_type": "refresh_token", "refresh_token": token}
    renewed = client.post(
        "/oauth2/token", data=form, auth=("app", SECRET), headers=proof(key=OTHER)
    )

    assert renewed.json()["token_type"] == "DPoP"


@pytest.mark.parametrize(
    "headers",
    [
        {"DPoP": "x"},
        {"DPoP": ""},
        {"DPoP": "a.b.c"},
        proof(htm="GET"),
        proof(htu="https://elsewhere.example.test/oauth2/token"),
        proof(htu=7),
        proof(htu="http://[x/"),
        proof(iat=int(time.time()) - 7000),
        proof(iat=int(time.time()) + 7000),
        proof(iat="now"),
        proof(jti=None),
        proof(jti=""),
        proof(jti="x" * 600),
        proof(header={"typ": "JWT"}),
        proof(header={"jwk": OTHER.as_dict(private=False)}),
        proof(header={"jwk": KEY.as_dict(private=True)}),
        retouched(jwk=None),
        retouched(jwk="x"),
        retouched(jwk=[]),
        retouched(jwk={"kty": "oct", "k": "AAAA"}, alg="HS256"),
        nested(),
        signed(b"[" * 3000),
    ],
)
def test_a_wrong_proof_is_refused(client: httpx.Client, headers: dict[str, str]) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": "spa"}

    answer = client.post("/oauth2/token", data=form, headers=headers)

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_dpop_proof"


def test_a_proof_counts_once_and_alone(client: httpx.Client) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": "spa"}
    headers = proof(key=RSAKey.generate_key(2048), header={"alg": "RS256"})

    assert (
        client.post("/oauth2/token", data=form, headers=headers).json()["error"] == "invalid_grant"
    )
    again = client.post("/oauth2/token", data=form, headers=headers)
    two = [("DPoP", proof()["DPoP"]), ("DPoP", proof()["DPoP"])]
    both = client.post("/oauth2/token", data=form, headers=two)

    assert again.json()["error"] == both.json()["error"] == "invalid_dpop_proof"


def test_a_code_is_bound_to_the_key_of_its_request(
    client: httpx.Client, browser: Browser, flow: Flow
) -> None:
    """RFC 9449 §10: a code that leaks is of no use without the key."""
    code = flow.code(browser, dpop_jkt=KEY.thumbprint())
    assert trade(client, code, flow, proof(key=OTHER)).json()["error"] == "invalid_grant"
    assert trade(client, code, flow).json()["error"] == "invalid_grant"

    assert trade(client, code, flow, proof()).status_code == 200
    malformed = redirect_parameters(browser.open(flow.path(dpop_jkt="x")))
    assert malformed["error"] == "invalid_request"


def test_a_pushed_request_binds_its_code_to_the_key_of_its_proof(
    client: httpx.Client, browser: Browser, flow: Flow
) -> None:
    fields = dict(parse_qsl(urlsplit(flow.path()).query))
    here = f"{ISSUER}/oauth2/par"
    other = client.post(
        "/oauth2/par", data={**fields, "dpop_jkt": OTHER.thumbprint()}, headers=proof(here)
    )
    assert other.json()["error"] == "invalid_dpop_proof"
    pushed = client.post("/oauth2/par", data=fields, headers=proof(here)).json()["request_uri"]

    back = browser.open(f"/oauth2/authorize?client_id=spa&request_uri={pushed}")

    code = redirect_parameters(back)["code"]
    assert trade(client, code, flow, proof(key=OTHER)).json()["error"] == "invalid_grant"
    assert trade(client, code, flow, proof()).status_code == 200


def test_the_discovery_document_lists_the_algorithms(client: httpx.Client) -> None:
    document = client.get("/.well-known/oauth-authorization-server").json()

    assert "ES256" in document["dpop_signing_alg_values_supported"]
