"""The consent of users, before an application of others learns of them."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from applications import WITH_ISSUER, Browser, Flow, answered, bearer
from running import Server
from users import User

SERVER_SETTINGS = WITH_ISSUER
THIRD = "https://third.example.test/callback"


@pytest.fixture(name="user")
def _user(client: httpx.Client) -> User:
    return User.signed_in(client)


def third(scope: str = "openid") -> Flow:
    return Flow(client_id="third", redirect_uri=THIRD, scope=scope, secret=None)


def test_another_ones_client_needs_consent_once_for_each_scope(browser: Browser) -> None:
    asked = browser.open(third().path())
    assert "Somebody &lt;b&gt;Else&lt;/b&gt;" in asked.text
    assert "Know who you are" in asked.text

    assert "code" in answered(browser.submit(asked, decision="allow"))
    assert "code" in answered(browser.open(third().path()))
    assert "See your e-mail address" in browser.open(third("openid email").path()).text
    assert "Allow" in browser.open(third().path(prompt="consent")).text


def test_who_says_no_is_sent_back_with_that_and_is_asked_again_next_time(
    browser: Browser,
) -> None:
    refused = browser.submit(browser.open(third().path()), decision="deny")

    assert answered(refused)["error"] == "access_denied"
    assert "Allow" in browser.open(third().path()).text


def test_prompt_none_says_that_consent_is_needed(browser: Browser) -> None:
    told = answered(browser.client.get(third().path(prompt="none")))

    assert told["error"] == "consent_required"


def test_the_consent_form_grants_nothing_that_is_not_registered(browser: Browser) -> None:
    shown = browser.open(third().path())
    forged = shown.text.replace("scope=openid", "scope=openid+orders:write")
    assert forged != shown.text

    answer = browser.submit(httpx.Response(200, text=forged), decision="allow")

    assert answered(answer)["error"] == "invalid_scope"


def allow(client: httpx.Client, browser: Browser) -> httpx.Request:
    """Let the application of others in; return the text of the consent page."""
    flow = third("openid email")
    code = answered(browser.submit(browser.open(flow.path()), decision="allow"))["code"]
    tokens = flow.redeem(client, code).json()
    return client.build_request("GET", "/userinfo", headers=bearer(tokens))


def names(client: httpx.Client, user: User) -> list[str]:
    found = client.get("/v1/me/applications", headers=user.bearer).json()["applications"]
    return [application["name"] for application in found]


def by_api(client: httpx.Client, _: Browser, user: User) -> None:
    answer = client.delete("/v1/me/applications/third", headers=user.bearer)
    assert answer.status_code == 204, answer.text


def by_page(_: httpx.Client, browser: Browser, __: User) -> None:
    account = browser.open("/account")
    assert "Somebody &lt;b&gt;Else&lt;/b&gt;" in account.text
    after = browser.submit(account, "/account/withdraw")
    assert "Somebody" not in after.text


@pytest.mark.parametrize("withdraw", [by_api, by_page])
def test_what_was_allowed_can_be_withdrawn_which_ends_the_applications_sessions(
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


def test_no_code_is_made_from_what_is_withdrawn_in_the_same_moment(
    server: Server, client: httpx.Client, browser: Browser, user: User
) -> None:
    allow(client, browser)
    path = third("openid email").path()
    identity = f"account_id = '{user.id}'"
    with ThreadPoolExecutor(1) as pool:
        # every writer of a code waits for the first of these
        with server.changing(
            f"UPDATE browser_sessions SET last_used_at = last_used_at WHERE {identity}",  # noqa: S608
            f"DELETE FROM oauth_consents WHERE {identity}",  # noqa: S608
        ):
            asked = pool.submit(browser.open, path)
            time.sleep(0.5)
            assert not asked.done(), "nothing is waiting"

        assert answered(asked.result())["error"] == "access_denied"


def test_nothing_is_withdrawn_that_was_not_allowed(
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
