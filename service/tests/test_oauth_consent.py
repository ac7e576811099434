"""Consent of users to applications of third parties."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from applications import WITH_ISSUER, Browser, Flow, bearer, redirect_parameters
from running import Server
from users import User

SERVER_SETTINGS = WITH_ISSUER
THIRD = "https://third.example.test/callback"


@pytest.fixture(name="user")
def _user(client: httpx.Client) -> User:
    return User.signed_in(client)


def third(scope: str = "openid") -> Flow:
    return Flow(client_id="third", redirect_uri=THIRD, scope=scope, secret=None)


def test_a_third_partys_client_needs_consent_once_for_each_scope(browser: Browser) -> None:
    asked = browser.open(third().path())
    assert "Somebody &lt;b&gt;Else&lt;/b&gt;" in asked.text
    assert "Know who you are" in asked.text

    assert "code" in redirect_parameters(browser.submit(asked, decision="allow"))
    assert "code" in redirect_parameters(browser.open(third().path()))
    assert "See your e-mail address" in browser.open(third("openid email").path()).text
    assert "Allow" in browser.open(third().path(prompt="consent")).text


def test_a_refusal_of_consent_reaches_the_client_and_the_next_request_asks_again(
    browser: Browser,
) -> None:
    refused = browser.submit(browser.open(third().path()), decision="deny")

    assert redirect_parameters(refused)["error"] == "access_denied"
    assert "Allow" in browser.open(third().path()).text


def test_prompt_none_reports_missing_consent(browser: Browser) -> None:
    parameters = redirect_parameters(browser.client.get(third().path(prompt="none")))

    assert parameters["error"] == "consent_required"


def test_the_consent_form_grants_registered_scopes_alone(browser: Browser) -> None:
    shown = browser.open(third().path())
    forged = shown.text.replace("scope=openid", "scope=openid+orders:write")
    assert forged != shown.text

    answer = browser.submit(httpx.Response(200, text=forged), decision="allow")

    assert redirect_parameters(answer)["error"] == "invalid_scope"


def allow(client: httpx.Client, browser: Browser) -> httpx.Request:
    """Consent to a third party's application; return its request for the user's claims."""
    flow = third("openid email")
    code = redirect_parameters(browser.submit(browser.open(flow.path()), decision="allow"))["code"]
    tokens = flow.redeem(client, code).json()
    return client.build_request("GET", "/userinfo", headers=bearer(tokens))


def names(client: httpx.Client, user: User) -> list[str]:
    applications = client.get("/v1/me/applications", headers=user.bearer).json()["applications"]
    return [application["name"] for application in applications]


def by_api(client: httpx.Client, _: Browser, user: User) -> None:
    answer = client.delete("/v1/me/applications/third", headers=user.bearer)
    assert answer.status_code == 204, answer.text


def by_page(_: httpx.Client, browser: Browser, __: User) -> None:
    account = browser.open("/account")
    assert "Somebody &lt;b&gt;Else&lt;/b&gt;" in account.text
    after = browser.submit(account, "/account/withdraw")
    assert "Somebody" not in after.text


@pytest.mark.parametrize("withdraw", [by_api, by_page])
def test_withdrawing_consent_ends_the_applications_sessions(
    client: httpx.Client,
    browser: Browser,
    user: User,
    withdraw: Callable[[httpx.Client, Browser, User], None],
) -> None:
    ask = allow(client, browser)
    assert client.send(ask).status_code == 200
    flow = third("openid email")
    code = flow.code(browser)
    assert names(client, user) == ["Somebody <b>Else</b>"]

    withdraw(client, browser, user)

    assert names(client, user) == []
    assert client.send(ask).status_code == 401
    assert flow.redeem(client, code).json()["error"] == "invalid_grant"
    assert "Allow" in browser.open(third().path()).text
    assert user.get("/v1/me").status_code == 200, "another session ended as well"


def test_no_code_is_made_from_consent_that_is_withdrawn_at_the_same_moment(
    server: Server, client: httpx.Client, browser: Browser, user: User
) -> None:
    allow(client, browser)
    path = third("openid email").path()
    identity = f"account_id = '{user.id}'"
    with ThreadPoolExecutor(1) as pool:
        # The writer of a code waits for the first of these statements.
        with server.changing(
            f"UPDATE browser_sessions SET last_used_at = last_used_at WHERE {identity}",  # noqa: S608
            f"DELETE FROM oauth_consents WHERE {identity}",  # noqa: S608
        ):
            asked = pool.submit(browser.open, path)
            time.sleep(0.5)
            assert not asked.done(), "nothing is waiting"

        assert redirect_parameters(asked.result())["error"] == "access_denied"


def test_a_missing_consent_can_not_be_withdrawn(
    client: httpx.Client, browser: Browser, user: User
) -> None:
    ask = allow(client, browser)
    eve = User.signed_in(client)

    for client_id in ("third", "app", "nobody"):
        answer = eve.client.delete(f"/v1/me/applications/{client_id}", headers=eve.bearer)
        assert answer.json()["code"] == "not_found"

    account = browser.open("/account")
    for client_id in ("app", "nobody", "\u00e9" * 500):
        answer = browser.submit(account, "/account/withdraw", client_id=client_id)
        assert answer.status_code == 200, answer.text
    forged = browser.submit(account, "/account/withdraw", client_id="\x00")
    assert forged.status_code == 403
    assert client.send(ask).status_code == 200
    assert names(client, user) == ["Somebody <b>Else</b>"]
