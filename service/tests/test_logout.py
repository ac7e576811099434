"""Logout at an application's request (OpenID Connect RP-Initiated Logout 1.0)."""

from urllib.parse import urlencode

import httpx
import pytest
from applications import SECRET, WITH_ISSUER, Browser, Flow, refresh
from running import Server
from users import User

SERVER_SETTINGS = WITH_ISSUER
BYE = "https://app.example.test/bye"


def logout(**values: str) -> str:
    return f"/oauth2/logout?{urlencode(values)}"


@pytest.fixture(name="id_token")
def _id_token(client: httpx.Client, browser: Browser) -> str:
    return str(Flow(scope="openid").tokens(client, browser)["id_token"])


def test_an_application_with_an_id_token_signs_its_user_out_and_gets_them_back(
    client: httpx.Client, browser: Browser
) -> None:
    tokens = Flow(scope="openid").tokens(client, browser)
    values = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": BYE, "state": "s"}

    answer = browser.client.get(logout(**values))

    assert answer.headers["Location"] == f"{BYE}?state=s"
    assert not browser.is_signed_in
    refreshed = client.post(
        "/oauth2/token",
        data={"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
        auth=("app", SECRET),
    )
    assert refreshed.json()["error"] == "invalid_grant"


def test_a_form_of_another_site_signs_out_though_the_browser_withholds_our_cookie(
    server: Server, browser: Browser, id_token: str
) -> None:
    """§2: an OP supports GET and POST. A Lax cookie comes with a redirect's GET alone."""
    form = {"id_token_hint": id_token, "post_logout_redirect_uri": BYE}
    answer = httpx.post(f"{server.url}/oauth2/logout", data=form, timeout=30)
    assert answer.status_code == 303

    assert browser.client.get(answer.headers["Location"]).headers["Location"] == BYE

    assert not browser.is_signed_in


def test_a_link_without_an_id_token_signs_out_only_after_a_confirmation(browser: Browser) -> None:
    asked = browser.client.get(logout(client_id="app", post_logout_redirect_uri=BYE))

    assert "Sign out?" in asked.text
    assert browser.is_signed_in
    assert browser.submit(asked).headers["Location"] == BYE
    assert not browser.is_signed_in


def test_the_same_users_sign_in_elsewhere_ends_only_after_a_confirmation(
    server: Server, client: httpx.Client, user: User, id_token: str
) -> None:
    """§2: the OP asks if the ID token is not of the current session (its `sid`)."""
    with Browser(server.url) as elsewhere:
        elsewhere.sign_in(user)
        tokens = Flow(scope="openid").tokens(client, elsewhere)
        values = {"id_token_hint": id_token, "post_logout_redirect_uri": BYE}

        asked = elsewhere.client.get(logout(**values))

        assert "Sign out?" in asked.text
        assert elsewhere.is_signed_in
        assert refresh(client, tokens["refresh_token"]).status_code == 200


def test_the_id_token_of_an_earlier_sign_in_in_this_browser_asks_as_well(
    browser: Browser, user: User, id_token: str
) -> None:
    browser.sign_in(user)

    assert "Sign out?" in browser.client.get(logout(id_token_hint=id_token)).text


@pytest.mark.parametrize(
    "changes",
    [
        {"post_logout_redirect_uri": "https://evil.test/"},
        {"post_logout_redirect_uri": f"{BYE}?a=b"},
        {"post_logout_redirect_uri": f"{BYE}/"},
        {"client_id": "third"},
        {"client_id": "nobody"},
        {"id_token_hint": "a.b.c"},
        {"id_token_hint": "x"},
    ],
    ids=str,
)
def test_a_wrong_request_is_an_error_and_signs_nobody_out(
    browser: Browser, id_token: str, changes: dict[str, str]
) -> None:
    values = {"id_token_hint": id_token, "post_logout_redirect_uri": BYE, **changes}

    answer = browser.client.get(logout(**values))

    assert answer.status_code == 400
    assert "This sign-out can&#39;t go on" in answer.text
    assert "evil.test" not in answer.text
    assert browser.is_signed_in


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_parameter_that_is_there_twice_is_an_error_on_a_page(
    browser: Browser, method: str
) -> None:
    twice = "state=a&state=b"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}

    answer = (
        browser.client.get(f"/oauth2/logout?{twice}")
        if method == "GET"
        else browser.client.post("/oauth2/logout", content=twice, headers=kind)
    )

    assert answer.status_code == 400
    assert "This sign-out can&#39;t go on" in answer.text


def test_sign_out_opened_as_a_page_asks(browser: Browser) -> None:
    asked = browser.open("/sign-out")

    assert "Sign out?" in asked.text
    assert "Signed out" in browser.submit(asked).text
    assert "Signed out" in browser.open("/sign-out").text
