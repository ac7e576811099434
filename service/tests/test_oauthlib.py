"""requests-oauthlib, a client of OAuth 2.0 alone: it has no discovery and reads no ID token."""

import json

import httpx
import pytest
from applications import CALLBACK, ISSUER, SECRET, Browser, hashed
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session
from running import Server
from users import User

SHOP = {
    "client_id": "shop",
    "name": "Shop",
    "first_party": True,
    "secret_sha256": hashed(SECRET),
    "redirect_uris": [CALLBACK],
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    "scopes": ["account", "orders:read"],
}
SERVER_SETTINGS = {"AUTH_CLIENTS": json.dumps([SHOP]), "AUTH_ISSUER": ISSUER}


@pytest.fixture(autouse=True)
def _over_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def test_it_signs_in_refreshes_and_revokes(server: Server, browser: Browser, user: User) -> None:
    endpoint, me = f"{server.url}/oauth2/token", f"{server.url}/v1/me"
    with OAuth2Session("shop", redirect_uri=CALLBACK, scope=["account"], pkce="S256") as shop:
        url, _ = shop.authorization_url(f"{server.url}/oauth2/authorize")
        callback = browser.open(url.removeprefix(server.url)).headers["Location"]
        tokens = shop.fetch_token(endpoint, authorization_response=callback, client_secret=SECRET)
        renewed = shop.refresh_token(endpoint, auth=("shop", SECRET))
        assert renewed["refresh_token"] != tokens["refresh_token"]
        assert shop.get(me, timeout=30).json()["email"] == user.email

        url, headers, body = shop._client.prepare_token_revocation_request(
            f"{server.url}/oauth2/revoke", renewed["refresh_token"], "refresh_token"
        )
        httpx.post(url, headers=headers, content=body, auth=("shop", SECRET)).raise_for_status()
        assert shop.get(me, timeout=30).status_code == 401


def test_it_gets_a_token_of_its_own(server: Server) -> None:
    client = BackendApplicationClient("shop", scope=["orders:read"])
    with OAuth2Session(client=client) as shop:
        tokens = shop.fetch_token(f"{server.url}/oauth2/token", client_secret=SECRET)

    assert tokens["scope"] == ["orders:read"]
