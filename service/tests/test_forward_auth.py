"""The forward-auth endpoint: answers to a proxy about a request."""

from urllib.parse import urlencode

import httpx
import pytest
from applications import ISSUER, SECRET, WITH_ISSUER, Browser, Flow
from running import Server
from users import User

SERVER_SETTINGS = {**WITH_ISSUER, "AUTH_COOKIE_DOMAIN": "example.test"}
# Headers of Caddy and Traefik for a page that a browser wants.
PAGE = {
    "Accept": "text/html,application/xhtml+xml",
    "X-Forwarded-Method": "GET",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "app.example.test",
    "X-Forwarded-Uri": "/orders?page=2",
}


def signed_in_cookie(server: Server, user: User) -> dict[str, str]:
    """Return the session cookie, which httpx would not send to an address outside of the domain."""
    with httpx.Client(base_url=server.url) as client:
        form = client.get("/sign-in")
        token = form.cookies["auth-form"]
        form_data = {"csrf_token": token, **user.credentials}
        answer = client.post("/sign-in", data=form_data)
    session = answer.headers.get_list("Set-Cookie")[0]
    assert "Domain=example.test" in session
    return {"Cookie": session.partition(";")[0]}


def test_an_access_token_passes_and_its_user_is_in_the_headers(client: httpx.Client) -> None:
    user = User.signed_in(client)
    user.client.patch("/v1/me", json={"name": "Ada Ünder"}, headers=user.bearer)

    answer = user.get("/v1/auth/verify")

    assert answer.status_code == 200
    assert answer.headers["X-Auth-User"] == user.get("/v1/me").json()["id"]
    assert answer.headers["X-Auth-Email"] == user.email
    assert answer.headers["X-Auth-Email-Verified"] == "false"
    assert answer.headers["X-Auth-Name"] == "Ada %C3%9Cnder"
    assert answer.headers["X-Auth-Role"] == "user"
    assert answer.headers["X-Auth-Client"] == "first-party"


def test_a_browser_that_is_signed_in_passes(server: Server, client: httpx.Client) -> None:
    user = User.registered(client)

    answer = client.get("/v1/auth/verify", headers=signed_in_cookie(server, user) | PAGE)

    assert answer.status_code == 200
    assert answer.headers["X-Auth-Email"] == user.email


def test_a_browser_that_wants_a_page_is_sent_to_sign_in_and_back(client: httpx.Client) -> None:
    answer = client.get("/v1/auth/verify", headers=PAGE)

    back = urlencode({"next": "https://app.example.test/orders?page=2"})
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{ISSUER}/sign-in?{back}"


def test_after_the_sign_in_the_browser_comes_back(server: Server, client: httpx.Client) -> None:
    user = User.registered(client)
    with Browser(server.url) as browser:
        back = "https://app.example.test/orders?page=2"
        form = browser.open(f"/sign-in?{urlencode({'next': back})}")
        answer = browser.submit(form, **user.credentials)

    assert answer.headers["Location"] == back
    assert form.headers["Content-Security-Policy"].endswith("'self' https://app.example.test")


@pytest.mark.parametrize(
    "changes",
    [{"Accept": "application/json"}, {"X-Forwarded-Method": "POST"}, {"Authorization": "Bearer x"}],
    ids=str,
)
def test_a_request_for_no_page_gets_401(client: httpx.Client, changes: dict[str, str]) -> None:
    answer = client.get("/v1/auth/verify", headers=PAGE | changes)

    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid_token"


def test_nginx_which_takes_no_redirect_finds_where_to_sign_in(client: httpx.Client) -> None:
    asked = {"Accept": "text/html", "X-Original-URL": "https://app.example.test/orders"}

    answer = client.get("/v1/auth/verify", headers=asked)

    back = urlencode({"next": "https://app.example.test/orders"})
    assert answer.status_code == 401
    assert answer.headers["X-Auth-Sign-In"] == f"{ISSUER}/sign-in?{back}"


@pytest.mark.parametrize("host", ["evil.test", "example.test.evil.test", "a@evil.test", ""])
def test_a_host_that_is_not_ours_is_not_sent_back_to(client: httpx.Client, host: str) -> None:
    answer = client.get("/v1/auth/verify", headers=PAGE | {"X-Forwarded-Host": host})

    assert answer.headers["Location"] == f"{ISSUER}/sign-in"


def test_another_role_or_scope_than_asked_for_does_not_pass(
    server: Server, client: httpx.Client
) -> None:
    user = User.signed_in(client)
    with Browser(server.url) as browser:
        cookie = signed_in_cookie(server, user)
        browser.client.headers.update(cookie)
        tokens = Flow(scope="openid").tokens(client, browser)
    application = {"Authorization": f"Bearer {tokens['access_token']}"}

    assert user.get("/v1/auth/verify?role=admin").status_code == 403
    assert user.get("/v1/auth/verify?role=user").status_code == 200
    asked = "/v1/auth/verify?scope=orders:read"
    assert client.get(asked, headers=application).json()["code"] == "insufficient_scope"
    assert client.get("/v1/auth/verify?scope=openid", headers=application).status_code == 200


def test_no_secret_is_sent_on_to_the_application(server: Server, client: httpx.Client) -> None:
    user = User.registered(client)
    cookie = signed_in_cookie(server, user)

    answer = client.get("/v1/auth/verify", headers=cookie)

    assert cookie["Cookie"].partition("=")[2] not in str(answer.headers)
    assert SECRET not in str(answer.headers)
