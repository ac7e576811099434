"""Authorization requests that a client pushes (RFC 9126) or signs (RFC 9101)."""

import json
import time
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx
import pytest
from applications import CALLBACK, ISSUER, SECRET, Browser, Flow, hashed, redirect_parameters
from joserfc import jwt
from joserfc.jwk import ECKey
from running import Server
from users import User

KEY = ECKey.generate_key("P-256", {"kid": "of the shop"})
NAME = "urn:ietf:params:oauth:request_uri:"
REGISTERED: list[dict[str, Any]] = [
    {
        "client_id": "app",
        "name": "The App",
        "first_party": True,
        "secret_sha256": hashed(SECRET),
        "redirect_uris": [CALLBACK],
        "require_pushed_authorization_requests": True,
    },
    {
        "client_id": "other",
        "name": "Other",
        "first_party": True,
        "secret_sha256": hashed(SECRET),
        "redirect_uris": [CALLBACK],
    },
    {
        "client_id": "shop",
        "name": "Shop",
        "first_party": True,
        "jwks": {"keys": [KEY.as_dict(private=False)]},
        "redirect_uris": [CALLBACK],
    },
]
SERVER_SETTINGS = {"AUTH_CLIENTS": json.dumps(REGISTERED), "AUTH_ISSUER": ISSUER}


def push(client: httpx.Client, flow: Flow, **changes: str | None) -> httpx.Response:
    fields = dict(parse_qsl(urlsplit(flow.path(**changes)).query))
    return client.post("/oauth2/par", data=fields, auth=(flow.client_id, SECRET))


def opened(answer: httpx.Response, client_id: str = "app") -> str:
    """Return the path that the browser opens after a push."""
    assert answer.status_code == 201, answer.text
    name = answer.json()["request_uri"]
    assert name.startswith(NAME)
    return f"/oauth2/authorize?{urlencode({'client_id': client_id, 'request_uri': name})}"


def test_a_pushed_request_leads_through_the_sign_in_to_tokens(
    client: httpx.Client, stranger: Browser, user: User
) -> None:
    flow = Flow()
    path = opened(push(client, flow, prompt="login"))

    asked = stranger.open(path)
    assert "to continue to <strong>The App</strong>" in asked.text
    assert (
        f"form-action 'self' {CALLBACK.rpartition('/')[0]}"
        in (asked.headers["Content-Security-Policy"])
    )
    back = stranger.submit(asked, email=user.email, password=user.password)

    answer = redirect_parameters(back)
    assert answer["state"] == flow.state
    assert flow.redeem(client, answer["code"]).status_code == 200


def test_a_pushed_request_is_opened_once_and_by_its_client_alone(
    client: httpx.Client, browser: Browser
) -> None:
    path = opened(push(client, Flow()))

    stolen = browser.open(path.replace("client_id=app", "client_id=other"))
    assert stolen.status_code == 400
    assert "code" in redirect_parameters(browser.open(path))
    again = browser.open(path)

    assert again.status_code == 400
    assert "was used already, or is too old" in again.text


def test_a_pushed_request_is_too_old_after_a_while(
    server: Server, client: httpx.Client, browser: Browser
) -> None:
    path = opened(push(client, Flow()))
    server.execute("UPDATE pushed_requests SET expires_at = expires_at - 91")

    assert browser.open(path).status_code == 400


def test_a_client_that_pushes_takes_no_other_request(
    client: httpx.Client, browser: Browser
) -> None:
    plain = redirect_parameters(browser.open(Flow().path()))
    assert plain["error"] == "invalid_request"

    changed = browser.client.get(opened(push(client, Flow()))).headers["Location"]
    assert "pushed=" in changed
    forged = changed.replace("scope=openid+email", "scope=openid+profile+email")
    assert forged != changed

    assert redirect_parameters(browser.open(forged))["error"] == "invalid_request"
    assert "code" in redirect_parameters(browser.open(changed))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uri": "https://evil.example.test/"}, "invalid_request"),
        ({"scope": "orders:write"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"request_uri": f"{NAME}x"}, "invalid_request"),
        ({"request": "a.b.c"}, "request_not_supported"),
        ({"nonce": "x" * 9000}, "invalid_request"),
    ],
)
def test_a_request_that_would_be_refused_is_refused_when_it_is_pushed(
    client: httpx.Client, changes: dict[str, str | None], error: str
) -> None:
    answer = push(client, Flow(), **changes)

    assert answer.status_code == 400
    assert answer.json()["error"] == error


def test_a_request_of_somebody_else_is_not_stored(client: httpx.Client) -> None:
    answer = client.post(
        "/oauth2/par", data={"client_id": "app", "response_type": "code"}, auth=("app", "wrong")
    )

    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"


def signed(key: ECKey = KEY, **changes: object) -> str:
    """Return the query of a request that the shop signed, with its unsigned parameters."""
    flow = Flow(client_id="shop", state="signed")
    parameters = dict(parse_qsl(urlsplit(flow.path()).query))
    claims = {**parameters, "iss": "shop", "aud": ISSUER, "exp": int(time.time()) + 60, **changes}
    values = {name: value for name, value in claims.items() if value is not None}
    token = jwt.encode({"alg": "ES256", "typ": "oauth-authz-req+jwt"}, values, key)
    return f"client_id=shop&state=unsigned&request={quote(token)}"


def test_a_signed_request_counts_and_parameters_outside_of_it_do_not(browser: Browser) -> None:
    answer = redirect_parameters(
        browser.open(f"/oauth2/authorize?{signed(max_age=600, claims={'userinfo': {}})}")
    )

    assert "code" in answer
    assert answer["state"] == "signed"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "app"},
        {"aud": "https://elsewhere.example.test"},
        {"exp": 1},
        {"exp": None},
        {"client_id": "app"},
        {"request": "a"},
    ],
    ids=["issuer", "audience", "expired", "endless", "client", "nested"],
)
def test_a_request_object_for_somebody_else_or_another_time_ends_with_a_page(
    browser: Browser, changes: dict[str, Any]
) -> None:
    answer = browser.open(f"/oauth2/authorize?{signed(**changes)}")

    assert answer.status_code == 400
    assert "is not signed as it should be" in answer.text


def test_a_request_object_of_another_key_ends_with_a_page(browser: Browser) -> None:
    for query in (signed(ECKey.generate_key("P-256")), "client_id=shop&request=a.b.c"):
        answer = browser.open(f"/oauth2/authorize?{query}")
        assert answer.status_code == 400
        assert "is not signed as it should be" in answer.text


def test_a_client_without_keys_signs_no_request(browser: Browser) -> None:
    flow = Flow(client_id="other")

    answer = redirect_parameters(browser.open(flow.path(request="a.b.c")))

    assert answer["error"] == "request_not_supported"


def test_the_discovery_document_names_the_endpoint(client: httpx.Client) -> None:
    document = client.get("/.well-known/oauth-authorization-server").json()

    assert document["pushed_authorization_request_endpoint"] == f"{ISSUER}/oauth2/par"
    assert "ES256" in document["request_object_signing_alg_values_supported"]
