"""The reach of an application's access token into an account, by its scopes and its client."""

import httpx
import pytest
from applications import WITH_ISSUER, Browser, Flow, bearer, redirect_parameters
from running import Server
from users import User

SERVER_SETTINGS = WITH_ISSUER


@pytest.fixture(name="user")
def _user(client: httpx.Client) -> User:
    return User.signed_in(client)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/me"),
        ("DELETE", "/v1/me"),
        ("GET", "/v1/me/sessions"),
        ("POST", "/v1/auth/logout-all"),
        ("GET", "/v1/admin/users"),
    ],
)
def test_an_applications_token_does_nothing_to_the_account_it_is_about(
    client: httpx.Client, browser: Browser, method: str, path: str
) -> None:
    tokens = Flow(scope="openid email").tokens(client, browser)

    answer = client.request(method, path, headers=bearer(tokens))

    assert answer.status_code == 403
    assert answer.json()["code"] == "insufficient_scope"


def test_an_application_with_the_scope_account_manages_the_account(
    client: httpx.Client, browser: Browser, user: User
) -> None:
    tokens = Flow(scope="openid account").tokens(client, browser)

    assert client.get("/v1/me", headers=bearer(tokens)).json()["email"] == user.email


def agreed(client: httpx.Client, browser: Browser, scope: str) -> dict[str, str]:
    """Return the header of a third party's application after the user's consent to the scopes."""
    flow = Flow(
        client_id="third",
        secret=None,
        redirect_uri="https://third.example.test/callback",
        scope=scope,
    )
    consent = browser.open(flow.path())
    code = redirect_parameters(browser.submit(consent, decision="allow"))["code"]
    return bearer(flow.redeem(client, code).json())


def test_only_our_own_applications_administer(
    server: Server, client: httpx.Client, browser: Browser, user: User
) -> None:
    server.execute(f"UPDATE accounts SET role = 'admin' WHERE email = '{user.email}'")  # noqa: S608
    ours = Flow(scope="openid account").tokens(client, browser)
    theirs = agreed(client, browser, "openid account")

    assert client.get("/v1/me", headers=theirs).status_code == 200
    assert client.get("/v1/admin/users", headers=theirs).status_code == 403
    assert client.get("/v1/admin/users", headers=bearer(ours)).status_code == 200


def test_a_third_partys_token_passes_a_proxy_only_if_that_asks_for_its_scope(
    client: httpx.Client, browser: Browser
) -> None:
    theirs = agreed(client, browser, "openid orders:read")

    refused = client.get("/v1/auth/verify", headers=theirs)

    assert refused.json()["code"] == "insufficient_scope"
    assert client.get("/v1/auth/verify?scope=orders:read", headers=theirs).status_code == 200
