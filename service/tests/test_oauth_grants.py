"""The token endpoint: refresh tokens, a client's own access tokens, and invalid requests."""

import httpx
import pytest
from applications import SECRET, WITH_ISSUER, Browser, Flow, claims_of, refresh

SERVER_SETTINGS = WITH_ISSUER


def test_a_refresh_gives_new_tokens_about_the_same_sign_in(
    client: httpx.Client, browser: Browser
) -> None:
    tokens = Flow().tokens(client, browser, nonce="n-1")

    refreshed = refresh(client, tokens["refresh_token"]).json()

    before = claims_of(client, tokens["id_token"])
    after = claims_of(client, refreshed["id_token"])
    assert [after[name] for name in ("sub", "sid", "auth_time")] == [
        before[name] for name in ("sub", "sid", "auth_time")
    ]
    assert "nonce" not in after
    assert refreshed["refresh_token"] != tokens["refresh_token"]


def test_a_refresh_may_ask_for_less_and_not_for_more(
    client: httpx.Client, browser: Browser
) -> None:
    token = Flow(scope="openid email").tokens(client, browser)["refresh_token"]

    more = refresh(client, token, scope="openid profile")
    less = refresh(client, token, scope="email")

    assert more.json()["error"] == "invalid_scope"
    assert less.json()["scope"] == "email"
    assert "id_token" not in less.json()


def test_a_refresh_token_is_of_no_use_to_another_client(
    client: httpx.Client, browser: Browser
) -> None:
    token = Flow().tokens(client, browser)["refresh_token"]
    form_data = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "native"}

    assert client.post("/oauth2/token", data=form_data).json()["error"] == "invalid_grant"
    assert client.post("/v1/auth/refresh", json={"refresh_token": token}).status_code == 401
    assert refresh(client, token).status_code == 200


@pytest.mark.parametrize(
    ("asked", "got"), [("", "orders:read orders:write"), ("orders:read", "orders:read")]
)
def test_a_client_gets_an_access_token_of_its_own_about_no_user(
    client: httpx.Client, asked: str, got: str
) -> None:
    form_data = {"grant_type": "client_credentials", "scope": asked}
    tokens = client.post("/oauth2/token", data=form_data, auth=("robot", SECRET)).json()

    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert tokens["scope"] == got
    assert "refresh_token" not in tokens
    assert client.get("/v1/me", headers=bearer).status_code == 401
    assert client.get("/userinfo", headers=bearer).status_code == 401


@pytest.mark.parametrize("asked", ["email", "account", "orders:delete", "openid"])
def test_a_client_gets_no_scope_about_users_and_no_unregistered_scope(
    client: httpx.Client, asked: str
) -> None:
    form_data = {"grant_type": "client_credentials", "scope": asked}
    answer = client.post("/oauth2/token", data=form_data, auth=("robot", SECRET))

    assert answer.json()["error"] == "invalid_scope"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"grant_type=refresh_token&grant_type=refresh_token", "application/x-www-form-urlencoded"),
        (b'{"grant_type": "refresh_token"}', "application/json"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"a=%ff", "application/x-www-form-urlencoded"),
        (b"a=%00", "application/x-www-form-urlencoded"),
        (b"&".join(b"%d=1" % number for number in range(99)), "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_is_no_form_is_an_invalid_request(
    client: httpx.Client, body: bytes, kind: str
) -> None:
    answer = client.post("/oauth2/token", content=body, headers={"Content-Type": kind})

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic /w==", "Bearer x", "Basic YTpi"])
def test_invalid_client_credentials_are_refused_with_the_scheme_to_use(
    client: httpx.Client, header: str
) -> None:
    form_data = {"grant_type": "client_credentials"}
    answer = client.post("/oauth2/token", data=form_data, headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
